package difftest

import (
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const (
	lanes  = 16 // programs that run at a time: most of their time they wait
	checks = 60 // programs of each
)

var programCount atomic.Int64

// tale is how many programs saw a thing.
type tale struct {
	mu    sync.Mutex
	count map[string]int
	all   int
}

func (s *tale) add(things map[string]bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all++
	for thing := range things {
		s.count[thing]++
	}
}

// wanted are the things that some program must have seen.
var wanted = []string{
	"success", "failure", "timeout", "rejection", "short circuit", "cancel", "deadline",
	"fallback answered", "fallback failed", "opened", "closed by a probe",
	"an opening gave way to new settings",
}

func (s *tale) lacks(things []string) bool {
	return slices.ContainsFunc(things, func(thing string) bool { return s.count[thing] == 0 })
}

// TestRandomProgramsSeeTheSame: a program that moves from hystrix-go sees the same errors,
// the same runs and fallbacks, the same events and the same circuit, up to the mends.
func TestRandomProgramsSeeTheSame(t *testing.T) {
	require.NoError(t, flag.Set("rapid.checks", strconv.Itoa(checks)))
	require.NoError(t, flag.Set("rapid.nofailfile", "true"))
	stats := tale{count: make(map[string]int)}
	// Some programs more, if chance, or a machine too slow to tell, has left out something so far.
	const most = 5
	for try := 1; try == 1 || try <= most && !t.Failed() && stats.lacks(wanted); try++ {
		t.Run("programs", func(t *testing.T) {
			for lane := range lanes {
				t.Run(strconv.Itoa(lane), func(t *testing.T) {
					t.Parallel()
					rapid.Check(t, func(t *rapid.T) {
						stats.add(compare(t, programs().Draw(t, "program")))
					})
				})
			}
		})
	}
	if t.Failed() {
		return
	}
	fmt.Fprintf(os.Stdout, "%d programs; of each hundred, so many saw:\n", stats.all)
	for _, thing := range slices.Sorted(maps.Keys(stats.count)) {
		fmt.Fprintf(os.Stdout, "%4d  %s\n", stats.count[thing]*100/stats.all, thing)
	}
	for _, thing := range wanted {
		require.Positive(t, stats.count[thing], thing)
	}
}

// attempts is how often the two must differ. The original counts later than it answers, and
// what it counts too late for one run of a program it does not for the next.
const attempts = 3

// compare plays the program on both and returns what happened in it.
func compare(t *rapid.T, prog program) map[string]bool {
	var difference string
	for i := range attempts {
		var things map[string]bool
		if things, difference = playBoth(prog); difference == "" {
			if i > 0 {
				things["(played again)"] = true
			}
			return things
		}
	}
	t.Fatal(difference)
	return nil
}

func playBoth(prog program) (things map[string]bool, difference string) {
	name := "program " + strconv.FormatInt(programCount.Add(1), 10)
	theirs, ours := &player{lib: &theOriginal, name: name}, &player{lib: &theDropIn, name: name}
	theirs.begin(prog.config)
	ours.begin(prog.config)
	j := &judgement{config: prog.config}
	things = make(map[string]bool)
	var played []step
	for i, s := range prog.steps {
		if skipped(j, s) {
			continue
		}
		played = append(played, s)
		began, wasOpen := time.Now(), j.open
		var want seen
		var err error
		done := make(chan struct{})
		go func() {
			defer close(done)
			want, err = theirs.play(s)
		}()
		got, ourErr := ours.play(s)
		<-done
		if err != nil || ourErr != nil {
			return nil, fmt.Sprintf("step %d, %v: %v, %v", i, s, err, ourErr)
		}
		if s.what != "sleep" && j.tooSlow() {
			things["(too slow a machine to tell)"] = true
			return things, ""
		}
		mend := j.mend(s, began, got.Events)
		tell(things, s, &got, wasOpen, j.open)
		if j.takenBack {
			things["an opening gave way to new settings"] = true
		}
		if mend != "" {
			got.Open = want.Open // here they part
		}
		for until := time.Now().Add(500 * time.Millisecond); mend == "" && !s.blind && want.Open != got.Open && time.Now().Before(until); {
			<-time.After(time.Millisecond) // real time: the original counts after it has answered
			want.Open = theOriginal.isOpen(name)
		}
		if fmt.Sprintf("%+v", want) != fmt.Sprintf("%+v", got) {
			return nil, fmt.Sprintf("%+v, step %d, %v, after %v\nhystrix-go: %+v\nours:       %+v",
				prog.config, i, s, played, want, got)
		}
		if mend != "" {
			things["ended at a mend: "+mend] = true
			return things, ""
		}
	}
	return things, ""
}

// skipped leaves out what the two must do in another way.
func skipped(j *judgement, s step) bool {
	switch s.what {
	case "sleep":
		return !j.open || !j.noticed || j.config.sleep != int(shortSleep.Milliseconds())
	case "burst": // which of them comes first is a race: let it decide nothing
		return j.open || j.config.volume >= 0 && j.config.percent <= 100 && j.requests+s.burst >= j.config.volume
	case "timeout", "cancel", "deadline":
		return j.open // a probe that hangs is a mend
	case "report":
		return j.open && (!j.noticed || s.result != "success") // hystrix-go opens when it is noticed
	}
	return false
}

// tell notes what happened.
func tell(things map[string]bool, s step, got *seen, wasOpen, open bool) {
	for _, e := range got.Events {
		for thing, n := range map[string]float64{
			"success": e.successes, "failure": e.failures, "timeout": e.timeouts, "rejection": e.rejects,
			"short circuit": e.shortCircuits, "cancel": e.canceled, "deadline": e.deadline,
			"fallback answered": e.answered, "fallback failed": e.unheard,
		} {
			if n > 0 {
				things[thing] = true
			}
		}
	}
	switch {
	case !wasOpen && open:
		things["opened"] = true
	case wasOpen && !open && s.what == "report":
		things["closed by hand"] = true
	case wasOpen && !open && len(got.Events) > 0:
		things["closed by a probe"] = true
	}
}
