package main

import (
	"bytes"
	"io"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-f7c3343e/quill"
)

// requireAllHold runs a soak and shows its scoreboard if a figure is off.
func requireAllHold(t *testing.T, duration time.Duration) {
	t.Helper()
	seed := rand.Uint64()
	var out bytes.Buffer
	b := newSoak(plan{duration: duration, seed: seed, callers: 12}, &out).run()
	b.print(&out)
	require.Zero(t, b.failed(), "seed %d\n%s", seed, &out)
}

func TestB01WhatEntersComesOutUnderSoak(t *testing.T) {
	duration := 5 * time.Second
	if testing.Short() {
		duration = time.Second
	}
	requireAllHold(t, duration)
}

// TestM04 starves the soak of processors and makes the garbage collector run all the time.
func TestM04NothingIsLostWhereProcessorsAreScarce(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	defer debug.SetGCPercent(debug.SetGCPercent(1))
	end := make(chan struct{})
	var hogs sync.WaitGroup
	for range 8 {
		hogs.Go(func() {
			for {
				select {
				case <-end:
					return
				default:
				}
				for start := time.Now(); time.Since(start) < 100*time.Microsecond; {
				}
				runtime.Gosched()
			}
		})
	}
	// The soak counts goroutines from when it begins: the hogs are among them all the time.
	requireAllHold(t, 1500*time.Millisecond)
	close(end)
	hogs.Wait()
}

func TestABreachTurnsTheBoardRed(t *testing.T) {
	for name, harm := range map[string]func(s *soak){
		"calls entered":            func(s *soak) { s.deps[0].ledger.entered.Add(1) },
		"outcomes: callers":        func(s *soak) { s.deps[0].ledger.seen[quill.Success].Add(1) },
		"work begun":               func(s *soak) { s.halls[0].began.Add(1) },
		"most alive":               func(s *soak) { s.halls[0].peak.Store(mostConcurrent + 1) },
		"alive where one more":     func(s *soak) { oneTooMany(s.halls[0]) },
		"circuits that still hold": func(s *soak) { _, _ = s.deps[2].Begin(t.Context()) },
		"totals only grow":         func(s *soak) { s.compare(s.deps[0], &quill.Stats{Name: "a", Panics: 2}, &quill.Stats{Panics: 1}) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSoak(plan{}, io.Discard)
			s.scrapes, s.changes = 1, 1
			s.halls[0].full.Store(1)
			clean := s.judge(countGoroutines(), heapInUse())
			harm(s)
			harmed := s.judge(countGoroutines(), heapInUse())
			for i, f := range harmed {
				if strings.HasPrefix(f.name, name) {
					require.False(t, f.ok)
				} else {
					require.Equal(t, clean[i].ok || strings.HasPrefix(f.name, "sum of"), f.ok || strings.HasPrefix(f.name, "sum of"), f.name)
				}
			}
			require.Positive(t, harmed.failed())
		})
	}
}

// oneTooMany begins work that was admitted although the limit had been lowered.
func oneTooMany(h *hall) {
	for _, most := range []int{3, 1} {
		_ = h.limits.set(most, func() error { return nil })
	}
	came := time.Now()
	h.enter(came)
	h.enter(came)
	h.leave()
	h.leave()
}

func TestALimitIsInForceUntilTheNextIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l limits
		start := time.Now()
		require.EqualValues(t, mostConcurrent, l.since(start), "nothing is known")
		for _, most := range []int{5, 2, 3} {
			require.NoError(t, l.set(most, func() error {
				time.Sleep(time.Second)
				return nil
			}))
			time.Sleep(9 * time.Second)
		}
		for _, c := range []struct{ then, most int }{{0, mostConcurrent}, {11, mostConcurrent}, {12, 3}, {21, 3}, {22, 3}, {30, 3}} {
			require.EqualValues(t, c.most, l.since(start.Add(time.Duration(c.then)*time.Second)), "since %d s", c.then)
		}
		require.NoError(t, l.set(1, func() error {
			require.EqualValues(t, 3, l.since(time.Now()), "both may be in force")
			return nil
		}))
		time.Sleep(time.Second)
		require.EqualValues(t, 1, l.since(time.Now()))
		for range 2 * kept {
			require.NoError(t, l.set(2, func() error { return nil }))
		}
		require.LessOrEqual(t, len(*l.given.Load()), kept+1)
		require.EqualValues(t, mostConcurrent, l.since(start), "that is forgotten")
	})
}

func TestTheCommandSaysHowItIsUsed(t *testing.T) {
	var problems bytes.Buffer
	require.Equal(t, exitUsage, command([]string{"-d", "0s"}, io.Discard, &problems))
	require.Contains(t, problems.String(), "must be positive")
	require.Equal(t, exitUsage, command([]string{"-x"}, io.Discard, io.Discard))
	require.Equal(t, exitUsage, command([]string{"now"}, io.Discard, io.Discard))
}
