package contender_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill/bench/contender"
)

// What answers wrongly is not worth measuring.
func TestEachContenderAnswersAsItsCaseAsks(t *testing.T) {
	const callers = 3
	for c := contender.Success; c <= contender.Stuck; c++ {
		for _, x := range contender.All() {
			work, freeWork := c.Work(callers)
			s := contender.Setup{Case: c, Work: work, Callers: callers}
			if c == contender.TimesOut || c == contender.Stuck {
				s.Timeout = 1e6
			}
			call, free := x.Make(s)
			if call == nil {
				freeWork()
				continue
			}
			t.Run(c.String()+", "+x.Name, func(t *testing.T) {
				ctx, cancel := c.Context()
				defer cancel()
				for req := range callers {
					v, err := call(ctx, req)
					require.NoError(t, err)
					require.Equal(t, c.Want(req), v)
				}
			})
			freeWork()
			if free != nil {
				free()
			}
		}
	}
}

// Who can take part in a case does, so that no peer is spared, and none is left out where it
// would look well.
func TestEachOfOursAndOfThePeersIsInEachMainCase(t *testing.T) {
	for c := contender.Success; c <= contender.Async; c++ {
		for _, x := range contender.All() {
			work, freeWork := c.Work(1)
			call, free := x.Make(contender.Setup{Case: c, Work: work, Callers: 1})
			if x.Kind != contender.Floor {
				require.NotNil(t, call, "%s, %s", c, x.Name)
			}
			freeWork()
			if free != nil {
				free()
			}
		}
	}
}

func TestEachPeerHasAVersionAndADate(t *testing.T) {
	for _, x := range contender.All() {
		if x.Kind == contender.Peer {
			require.NotEmpty(t, contender.Released[x.Module], x.Name)
		}
	}
}

func TestCasesHaveNamesThatLeadBack(t *testing.T) {
	for c := contender.Success; c <= contender.Stuck; c++ {
		back, err := contender.ParseCase(c.String())
		require.NoError(t, err)
		require.Equal(t, c, back)
	}
	_, err := contender.ParseCase("none")
	require.Error(t, err)
}
