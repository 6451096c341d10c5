package quillhttp

import (
	"math/rand/v2"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// a must stay when c is made, so it is passed over. When it may go, only it is idle.
func TestHostThatHadToStayIsEvictedOnceItMayGo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reg := quill.NewRegistry()
		tr := PerHost(Hosts{Registry: reg, MaxHosts: 2}, answering(200, ""))
		require.NoError(t, ask(t, tr, "http://a/"))
		require.NoError(t, ask(t, tr, "http://b/"))
		a, _ := reg.Lookup("http://a")
		require.NoError(t, a.Override(quill.ForceClosed, 90*time.Second, "for a while"))
		time.Sleep(61 * time.Second)
		require.NoError(t, ask(t, tr, "http://c/"))
		require.Equal(t, []string{"http://a", "http://c"}, names(reg))
		require.NoError(t, ask(t, tr, "http://d/"))
		require.Equal(t, []string{OtherHosts, "http://a", "http://c"}, names(reg), "a must stay, c is in use")
		time.Sleep(30 * time.Second)
		require.NoError(t, ask(t, tr, "http://d/"))
		require.Equal(t, []string{OtherHosts, "http://c", "http://d"}, names(reg), "a's override is over")
	})
}

// place is what is known of a host with a circuit of its own.
type place struct {
	last time.Time
	open []*host // a call each
	held bool    // by an override
}

func (p *place) mayGo() bool {
	return len(p.open) == 0 && !p.held && time.Since(p.last) >= DefaultIdleAfter
}

// TestNewHostGetsACircuitIfAnyMayGo plays at random with fewer hosts than are looked at for one
// request: a new one takes the circuit of others only if none may go.
func TestNewHostGetsACircuitIfAnyMayGo(t *testing.T) {
	for seed := range uint64(100) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 0))
			playHosts(t, random.IntN)
		})
	}
}

func playHosts(t *testing.T, random func(n int) int) {
	t.Helper()
	const hosts, most, steps = 12, 8, 300
	reg := quill.NewRegistry()
	h := newHosts(Hosts{Registry: reg, MaxHosts: most})
	places := map[string]*place{}
	for step := range steps {
		name := "http://h" + strconv.Itoa(random(hosts))
		p := places[name]
		switch what := random(12); {
		case what < 4:
			time.Sleep(time.Duration(random(40)) * time.Second)
		case what < 6 && p != nil:
			p.held = !p.held
			kind := map[bool]quill.Override{true: quill.ForceClosed, false: quill.NoOverride}[p.held]
			c, ok := reg.Lookup(name)
			require.True(t, ok)
			require.NoError(t, c.Override(kind, 0, "by hand"))
		case what < 8 && p != nil && len(p.open) > 0:
			h.leave(p.open[0])
			p.open, p.last = p.open[1:], time.Now()
		default:
			if o := enter(t, h, name, places, step); o != nil && random(4) > 0 {
				h.leave(o)
			} else if o != nil {
				places[name].open = append(places[name].open, o)
			}
		}
	}
	require.Len(t, h.byName, h.used.Len()+h.kept.Len())
}

// enter begins a call to a host. It returns nil if that has no circuit of its own.
func enter(t *testing.T, h *hosts, name string, places map[string]*place, step int) *host {
	t.Helper()
	p, room := places[name], len(places) < h.MaxHosts
	for _, other := range places {
		room = room || other.mayGo()
	}
	o, c, err := h.enter(name)
	require.NoError(t, err)
	if p == nil && !room {
		require.Nil(t, o)
		require.Equal(t, OtherHosts, c.Name(), "step %d", step)
		return nil
	}
	require.Equal(t, name, c.Name(), "step %d: it has a circuit, or another may go", step)
	for gone, other := range places {
		if _, there := h.Registry.Lookup(gone); !there {
			require.True(t, other.mayGo(), "step %d: %s had to stay", step, gone)
			delete(places, gone)
		}
	}
	if p == nil {
		require.Less(t, len(places), h.MaxHosts)
		p = &place{}
		places[name] = p
	}
	p.last = time.Now()
	return o
}
