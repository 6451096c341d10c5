package main

import "slices"

// fault is one way to break the code that a reviewer could miss.
type fault struct {
	name  string
	edits []edit
	first []suite // likely to find it
	// killers are tests that find it, of the first suite or the root package's. They are
	// tried before all others.
	killers []string
}

// home is the suite that has the killers.
func (f fault) home() suite {
	if len(f.first) > 0 {
		return f.first[0]
	}
	return quick
}

// edit replaces text that must occur exactly once in the file.
type edit struct{ file, find, replace string }

// notBuilt are the faults of the list that have no code yet to break.
var notBuilt = []struct{ fault, why string }{
	{"the collapser drops the request that arrives as the batch fires", "no collapser"},
}

// faults are all there are.
var faults = slices.Concat(ofCalls, ofOverrides, ofLoans, ofHooks, ofSight, ofThePast)

// ofCalls are faults in who may call, in what a call ends as, and in what is counted.
var ofCalls = []fault{
	// Slots.
	{name: "release dropped on panic, semaphore", killers: []string{"TestA03NothingIsLeftOverWhateverTheEndAndWherever"}, edits: []edit{{
		"execution.go",
		"	if !e.handedOn {\n		c.giveBack(e.seat)\n",
		"	if !e.handedOn && e.settled {\n		c.giveBack(e.seat)\n",
	}}},
	{name: "a slot given back twice", killers: []string{"TestACallIsOverOnceThoughItsContextPanicsWhileItIsSettled"}, edits: []edit{{
		"execution.go", "	if !e.handedOn {\n		c.giveBack(e.seat)\n", "	{\n		c.giveBack(e.seat)\n",
	}}},
	{name: "release dropped on panic, pool", killers: []string{"TestA08WorkerThatPanickedStaysAndOneThatExitedIsReplaced"}, edits: []edit{{
		"pool.go",
		"	t.circuit.giveBack(window.NoSeat)\n}\n",
		"	if t.panicked == nil {\n		t.circuit.giveBack(window.NoSeat)\n	}\n}\n",
	}}},
	{name: "release dropped on Goexit", killers: []string{"TestA08WorkerThatPanickedStaysAndOneThatExitedIsReplaced"}, edits: []edit{{
		"pool.go",
		"	t.circuit.giveBack(window.NoSeat)\n}\n",
		"	if !t.goexit {\n		t.circuit.giveBack(window.NoSeat)\n	}\n}\n",
	}}},
	{name: "release before run ends, at the deadline", killers: []string{"TestAbandonedWorkKeepsItsSlotAndShows"}, edits: []edit{
		{
			"execution.go",
			"		e.settleInterrupted(e.callerErr(how), c.now())\n",
			"		c.giveBack(e.seat)\n		e.settleInterrupted(e.callerErr(how), c.now())\n",
		},
		{
			"pool.go",
			"		t.circuit.giveBack(window.NoSeat)\n		if t.panicked != nil {\n",
			"		if t.panicked != nil {\n",
		},
	}},
	{name: "release twice on cancel", killers: []string{"TestA03NothingIsLeftOverWhateverTheEndAndWherever"}, edits: []edit{{
		"execution.go",
		"		e.settleInterrupted(e.callerErr(how), c.now())\n",
		"		if how == abandoned {\n			c.giveBack(e.seat)\n		}\n		e.settleInterrupted(e.callerErr(how), c.now())\n",
	}}},
	{name: "release twice when cancelled in the queue", killers: []string{"TestWaiterThatLeavesTheMiddleOfTheQueueDisturbsNobody"}, edits: []edit{{
		"bulkhead.go",
		"		b.queue.remove(w)\n		b.admitWaitersLocked()\n		return false\n",
		"		b.queue.remove(w)\n		b.slots.giveBack(window.NoSeat)\n		b.admitWaitersLocked()\n		return false\n",
	}}},
	{name: "the slot of abandoned work given back twice", killers: []string{"TestAbandonedWorkKeepsItsSlotAndShows"}, edits: []edit{{
		"pool.go",
		"		t.circuit.abandon(-1)\n",
		"		t.circuit.abandon(-1)\n		t.circuit.giveBack(window.NoSeat)\n",
	}}},
	{name: "a slot given back by the worker and by the caller", killers: []string{"TestThePoolHasAsManyWorkersAsRanAtOnce"}, edits: []edit{{
		"pool.go",
		"	case won && t.completer == nil:\n		t.notify(finished)\n",
		"	case won && t.completer == nil:\n		t.circuit.giveBack(window.NoSeat)\n		t.notify(finished)\n",
	}}},
	{name: "the caller forgets to give the worker back", killers: []string{"TestWarmWorkersAreReused"}, edits: []edit{{
		"pool.go",
		"	if t.worker.reusable() && !t.goexit {\n",
		"	if t.worker.reusable() && t.panicked != nil {\n",
	}}},
	{name: "the slot given back before the worker", first: []suite{schedules}, killers: []string{"TestA08WarmWorkersAreLentOnceAndLeaveInSchedulesWithinStops"}, edits: []edit{{
		"pool.go",
		"	if t.worker.reusable() && !t.goexit {\n		t.circuit.bulkhead.park(t.worker)\n	}\n	t.circuit.giveBack(window.NoSeat)\n}\n",
		"	t.circuit.giveBack(window.NoSeat)\n	if t.worker.reusable() && !t.goexit {\n		t.circuit.bulkhead.park(t.worker)\n	}\n}\n",
	}}},
	{name: "a worker at work taken off the stack", first: []suite{schedules}, killers: []string{"TestATaskGoesToTheWorkerThatItHadLast"}, edits: []edit{{
		"workers.go",
		"		if w.state.Swap(busy)&busy == 0 {\n",
		"		if w.state.Swap(busy)&stacked != 0 {\n",
	}}},
	{name: "a worker that fell off the stack is not put back", first: []suite{schedules}, killers: []string{"TestATaskGoesToTheWorkerThatItHadLast"}, edits: []edit{{
		"workers.go",
		"	if w.state.Add(-busy) == stacked {\n",
		"	if w.state.Add(-busy) >= 0 {\n",
	}}},
	{name: "a worker taken again although another has it", first: []suite{schedules}, killers: []string{"TestATaskGoesToTheWorkerThatItHadLast"}, edits: []edit{{
		"workers.go",
		"	return w.state.CompareAndSwap(stacked, stacked|busy)\n",
		"	return w.state.Swap(stacked|busy)&stacked != 0\n",
	}}},
	{name: "the place of a worker that exited stays on the stack", killers: []string{"TestAWorkerThatExitedWhileItLayOnTheStackLeavesNoTrace"}, edits: []edit{{
		"workers.go",
		"	p.take() // clears",
		"	// clears",
	}}},
	{name: "check, then add, in the semaphore", first: []suite{schedules}, killers: []string{"TestA01NoMoreRunThanTheLimitInEverySchedule"}, edits: []edit{{
		"slots.go",
		"		if s.word.CompareAndSwap(w, w+1) {\n			return true\n		}\n",
		"		s.word.Add(1)\n		return true\n",
	}}},
	{name: "lost wake-up on resize", killers: []string{"TestGrowingLetsWaitersGoAtOnce"}, edits: []edit{{
		"bulkhead.go",
		"	b.queueSize.Store(int64(s.QueueSize))\n	b.admitWaitersLocked()\n",
		"	b.queueSize.Store(int64(s.QueueSize))\n",
	}}},
	{name: "lost wake-up between a full look and the queue", first: []suite{schedules}, killers: []string{"TestA02NoMoreWaitThanTheQueueHoldsInEverySchedule"}, edits: []edit{{
		"bulkhead.go",
		"	b.slots.setWaiting(true)\n	// A slot given back before the flag was set came to nobody: look once more.\n	b.admitWaitersLocked()\n",
		"	b.slots.setWaiting(true)\n",
	}}},
	{name: "a grant that meets a cancel is lost", killers: []string{"TestSlotGrantedToACallerWhoHasLeftIsGivenBack"}, edits: []edit{{
		"bulkhead.go",
		"	b.slots.giveBack(window.NoSeat)\n	b.admitWaitersLocked()\n	return false\n",
		"	return false\n",
	}}},
	{name: "queue count decremented by worker and canceller", killers: []string{"TestSlotOfOneWhoGaveUpGoesToTheNext"}, edits: []edit{{
		"bulkhead.go",
		"	b.slots.giveBack(window.NoSeat)\n	b.admitWaitersLocked()\n	return false\n",
		"	b.queue.length--\n	b.slots.giveBack(window.NoSeat)\n	b.admitWaitersLocked()\n	return false\n",
	}}},
	{name: "the reaper keeps the places of workers it dismissed", first: []suite{schedules}, killers: []string{"TestA08WarmWorkersAreLentOnceAndLeaveInSchedulesWithinStops"}, edits: []edit{{
		"workers.go",
		"			w.dismiss()\n",
		"			w.dismiss()\n			kept = append(kept, w)\n",
	}}},
	{name: "a retired pool keeps what was at work", first: []suite{schedules}, killers: []string{"TestARemovedCircuitLetsItsWorkersGo"}, edits: []edit{{
		"workers.go",
		"	case b.pool.retired.Load():\n",
		"	case b.pool.retired.Load() && b.pool.reaper != nil:\n",
	}}},
	{name: "the reaper of a retired pool keeps workers", first: []suite{schedules}, killers: []string{"TestA08NoWorkerOutlastsARetiredPoolInSchedulesWithinStops"}, edits: []edit{{
		"workers.go",
		"	if p.retired.Load() { // since",
		"	if p == nil { // since",
	}}},
	{name: "a pool that rests keeps its next worker", killers: []string{"TestAPoolKeepsNoWorkerOfACallThatComesAfterALongRest"}, edits: []edit{{
		"workers.go",
		"	return last == 0 || now-last > keepWarm\n",
		"	return last == 0\n",
	}}},
	{name: "worker not replaced after Goexit", killers: []string{"TestA08WorkerThatPanickedStaysAndOneThatExitedIsReplaced"}, edits: []edit{{
		"pool.go",
		"	if t.worker.reusable() && !t.goexit {\n",
		"	if t.worker.reusable() {\n",
	}}},
	{name: "an idle worker taken by two, by way of a third", first: []suite{schedules}, killers: []string{"TestWhoHasASlotFindsAWorkerForHimselfInEverySchedule"}, edits: []edit{{
		"workers.go",
		"top&^numberMask+oneTake|uint64(below)",
		"top&^numberMask|uint64(below)",
	}}},
	{name: "workers idle without the reaper", first: []suite{schedules}, killers: []string{"TestNoWorkerIsIdleWithoutTheReaperInEverySchedule"}, edits: []edit{{
		"workers.go",
		"	p.watched.Store(false)\n	explore.Read(\"idle\")\n	if p.top.Load()&numberMask != 0 {\n",
		"	idle := p.top.Load()&numberMask != 0\n	explore.Write(\"watched\")\n" +
			"	p.watched.Store(false)\n	if idle {\n",
	}}},

	// Breaker.
	{name: "epoch check dropped", killers: []string{"TestResultsOfAnEarlierEpochChangeNothing"}, edits: []edit{{
		"judge.go",
		"stale = t.epoch != 0 && t.epoch != g.machine.epoch",
		"stale = t.epoch != 0 && t.epoch > g.machine.epoch",
	}}},
	{name: "epoch check dropped where no lock is taken", killers: []string{"TestC07ALateSuccessIsNoEvidence"}, edits: []edit{{
		"judge.go",
		"	return word, word&^passes == t.epoch<<epochShift || movesNothing(word, t)\n",
		"	return word, word&watches == 0\n",
	}}},
	{name: "a success looks only once whether it is watched", first: []suite{schedules}, killers: []string{"TestC01ResultsThatMeetAreJudgedAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"judge.go",
		"	if c.gate.word.Load() != word {\n",
		"	if word&watches != 0 {\n",
	}}},
	// There is no compare-and-swap from open to half-open: the lock stands for it.
	{name: "open to half-open by a plain store", first: []suite{racedBreaker}, killers: []string{"TestC01BreakerIsLinearizable"}, edits: []edit{{
		"gate.go",
		"	c.lockGate()\n	defer c.unlockGate()\n	switch o := c.overrideLocked(now); o.kind {\n",
		"	explore.Write(\"gate.mu\")\n	switch o := c.overrideLocked(now); o.kind {\n",
	}}},
	// Failures that take no lock.
	{name: "a failure counts itself whatever it would open", killers: []string{"TestClosedAndOpenCircuitsTakeNoLock"}, edits: []edit{{
		"judge.go",
		" && cfg.rules.verdict(n) == unmoved\n",
		" && cfg.rules.verdict(n) != tooManySlow\n",
	}}},
	{name: "a failure counts itself although somebody judged meanwhile", first: []suite{schedules}, killers: []string{"TestC01FailuresThatTakeNoLockAreCountedAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"judge.go",
		"		if c.counters.AddIf(seen) {\n",
		"		if c.counters.AddSerially(int(Failure)); seen > 0 {\n",
	}}},
	{name: "the gate's lock does not keep failures out", first: []suite{schedules}, killers: []string{"TestC01FailuresThatTakeNoLockAreCountedAsInSomeOrderInEverySchedule"}, edits: []edit{
		{"gate.go", "	c.counters.Shut()\n", ""},
		{"gate.go", "	c.counters.Open()\n", ""},
	}},
	{name: "a failure counts itself while somebody judges", first: []suite{schedules}, killers: []string{"TestC01FailuresThatTakeNoLockAreCountedAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"internal/window/guarded.go",
		"	return seen, seen&turn == 0\n",
		"	return seen, true\n",
	}}},
	{name: "a failure that should have successes watched counts itself", killers: []string{"TestSuccessThatCompletesTheVolumeOpens"}, edits: []edit{{
		"judge.go",
		"	return watchful(&cfg.rules, n) == (word&watches != 0) && ",
		"	return ",
	}}},
	{name: "epoch check dropped where a failure takes no lock", killers: []string{"TestC01BreakerAgreesWithItsModel"}, edits: []edit{{
		"judge.go",
		"	if word&^watches != t.epoch<<epochShift|passes {\n",
		"	if word&passes == 0 {\n",
	}}},
	{name: "every call of a half-open circuit is a probe", killers: []string{"TestHerdAtAHalfOpenCircuitSendsTheProbesOnly"}, edits: []edit{{
		"breaker.go",
		"if b.succeeded+len(b.probes) >= r.probes {",
		"if r.probes == 0 {",
	}}},
	{name: "the place of a probe that ended is kept", killers: []string{"TestC05AProbeGivesItsPlaceBackHoweverItEnds"}, edits: []edit{{
		"breaker.go",
		"			b.probes = append(b.probes[:i], b.probes[i+1:]...)\n			return now < p.until\n",
		"			b.probes[i] = p\n			return now < p.until\n",
	}}},
	{name: "a probe refused inside keeps its place", killers: []string{"TestProbeThatIsRefusedInsideGivesItsPlaceBack"}, edits: []edit{{
		"breaker.go",
		"!b.releaseProbe(now, t.probe) {",
		"e != nothing && !b.releaseProbe(now, t.probe) {",
	}}},
	{name: "a probe that hangs is never replaced", killers: []string{"TestBreakerTranscripts"}, edits: []edit{{
		"breaker.go",
		"	for _, p := range b.probes {\n		if now < p.until {\n			out = append(out, p)\n		}\n	}\n",
		"	for _, p := range b.probes {\n		out = append(out, p)\n	}\n",
	}}},
	{name: "deadline written after the state", first: []suite{schedules}, killers: []string{"TestC03NobodyIsAdmittedWhileOpenInEverySchedule"}, edits: []edit{
		{"gate.go", "	g.openUntil.Store(int64(g.machine.openUntil))\n	return", "	return"},
		{
			"gate.go",
			"	g.word.Store(word)\n",
			"	g.word.Store(word)\n	if word&refuses != 0 {\n		explore.Put(\"gate.openUntil\")\n" +
				"		g.openUntil.Store(int64(g.machine.openUntil))\n	}\n",
		},
	}},
	{name: "the reason written after the state", first: []suite{schedules}, killers: []string{"TestC03NobodyIsAdmittedWhileOpenInEverySchedule"}, edits: []edit{
		{"gate.go", "	explore.Put(\"gate.why\")\n	c.gate.why.Store(&reason)\n", ""},
		{
			"gate.go",
			"	c.publishLocked(m.why == takenBack)\n",
			"	c.publishLocked(m.why == takenBack)\n	explore.Put(\"gate.why\")\n	c.gate.why.Store(&reason)\n",
		},
	}},
	{name: "deadline not written with the state", killers: []string{"TestClosedAndOpenCircuitsTakeNoLock"}, edits: []edit{{
		"gate.go",
		"	g.openUntil.Store(int64(g.machine.openUntil))\n",
		"",
	}}},
	{name: "> for >= at the threshold", killers: []string{"TestThresholdsAreExact"}, edits: []edit{{
		"breaker.go",
		"float64(part)*100 >= percent*float64(whole)*(1-hair)",
		"float64(part)*100 > percent*float64(whole)*(1+hair)",
	}}},
	{name: "> for >= at the volume", killers: []string{"TestC02VolumeAndRateOpenAtOnce"}, edits: []edit{{
		"breaker.go",
		"case n.requests < r.volume:",
		"case n.requests <= r.volume:",
	}}},
	{name: "> for >= at the end of the sleep window", killers: []string{"TestLastTransitionSaysWhyInWords"}, edits: []edit{
		{
			"breaker.go",
			"	if b.state == Open {\n		if now < b.openUntil {",
			"	if b.state == Open {\n		if now <= b.openUntil {",
		},
		{"gate.go", "c.gate.openUntil.Load()); now < until {", "c.gate.openUntil.Load()); now <= until {"},
	}},
	{name: "wall clock for the sleep window", killers: []string{"TestDecisionsUseTheMonotonicClock"}, edits: []edit{{
		"circuit.go",
		"{ return time.Since(processStart) - c.born }",
		"{ return time.Duration(time.Now().UnixNano()-processStart.UnixNano()) - c.born }",
	}}},
	{name: "a call in a call counts its deadline by the other's birth", killers: []string{"TestCallInACallEndsAtTheEarlierDeadline"}, edits: []edit{{
		"execution.go",
		"		e.applyCallerDeadline(d.deadline() - c.born)",
		"		e.applyCallerDeadline(d.deadline())",
	}}},
	{name: "a context that does not tell that its call is over", killers: []string{"TestDeadlineContextIsCanceledWhenTheCallIsOver"}, edits: []edit{{
		"deadline.go",
		"	atomic.OrInt64(&d.word, callEnded)\n",
		"	d.word += 0\n",
	}}},
	{name: "new settings in force without the gate's lock", first: []suite{schedules}, killers: []string{"TestJ03NewSettingsMeetResultsAsInSomeOrderInEverySchedule"}, edits: []edit{
		{
			"circuit.go",
			"	c.lockGate()\n	old := c.config.Load()\n",
			"	explore.Write(\"gate.mu\")\n	old := c.config.Load()\n",
		},
		{"circuit.go", "	c.unlockGate()\n	if !c.shared {\n", "	if !c.shared {\n"},
	}},
	{name: "the last calls forget a success that took no lock", killers: []string{"TestTheLastCallsForgetTheOldest"}, edits: []edit{{
		"judge.go",
		"		if !slow && cfg.last == nil && c.countSuccess(now, t, seat) {\n",
		"		if !slow && cfg != nil && c.countSuccess(now, t, seat) {\n",
	}}},
	{name: "the last calls are counted by the settings of before the lock", first: []suite{schedules}, killers: []string{"TestC01TheLastCallsAreJudgedAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"judge.go",
		"	c.lockGate()\n	defer c.unlockGate()\n	g, cfg := &c.gate, c.config.Load()\n	over := cfg.Override\n",
		"	g, cfg := &c.gate, c.config.Load()\n	c.lockGate()\n	defer c.unlockGate()\n	over := cfg.Override\n",
	}}},
	{name: "Judge looks before it takes the lock", first: []suite{schedules}, killers: []string{"TestC01JudgeMeetsResultsAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"report.go",
		"	c.lockGate()\n	defer c.unlockGate()\n	if c.overrideLocked(now).kind != Disabled && c.gate.machine.state == Closed {\n",
		"	closed := c.State() == Closed\n	c.lockGate()\n	defer c.unlockGate()\n	if c.overrideLocked(now).kind != Disabled && closed {\n",
	}}},
	{name: "Judge judges what Disabled is to keep from it", killers: []string{"TestJudgeOpensByTheSettingsInForceAndCountsNothing"}, edits: []edit{{
		"report.go",
		"	if c.overrideLocked(now).kind != Disabled && c.gate.machine.state == Closed {\n		c.evaluateLocked",
		"	if c.overrideLocked(now).kind <= Disabled && c.gate.machine.state == Closed {\n		c.evaluateLocked",
	}}},
	{name: "TakeBack looks before it takes the lock", first: []suite{schedules}, killers: []string{"TestC01TakeBackMeetsResultsAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"report.go",
		"	c.lockGate()\n	defer c.unlockGate()\n	if c.gate.machine.state == Open {\n",
		"	open := c.State() == Open\n	c.lockGate()\n	defer c.unlockGate()\n	if open {\n",
	}}},
	{name: "results of before an opening that was taken back count", killers: []string{"TestResultsOfBeforeAnOpeningThatIsTakenBackAreNoEvidence"}, edits: []edit{{
		"breaker.go",
		"return b.close(takenBack) }",
		"b.epoch -= 2; return b.close(takenBack) }",
	}}},
	{name: "successes after an opening that was taken back are not watched", killers: []string{"TestAnOpeningThatIsTakenBackLeavesItsEvidence"}, edits: []edit{{
		"gate.go",
		"	c.publishLocked(m.why == takenBack)\n	c.announceLocked(now, m.from",
		"	c.publishLocked(m.why == unmoved)\n	c.announceLocked(now, m.from",
	}}},
	{name: "an opening that is taken back takes the window along", killers: []string{"TestAnOpeningThatIsTakenBackLeavesItsEvidence"}, edits: []edit{{
		"gate.go",
		"	fresh := m.to == Closed && m.why != takenBack\n",
		"	fresh := m.to == Closed && m.why != unmoved\n",
	}}},

	{name: "what is reported of an open circuit is evidence", killers: []string{"TestReportedResultsMoveNoCircuitThatIsNotClosed"}, edits: []edit{{
		"report.go",
		"		a.token.epoch = math.MaxUint64\n",
		"		a.token.epoch = min(math.MaxUint64, g.machine.epoch)\n",
	}}},
	{name: "settings read twice in one call: the fallback's", killers: []string{"TestJ03AFallbackHasTheTimeOfTheSettingsItsCallBeganWith"}, edits: []edit{{
		"fallback.go",
		"c.circuit.within(ctx, e.cfg.FallbackTimeout)",
		"c.circuit.within(ctx, c.circuit.config.Load().FallbackTimeout)",
	}}},
	{name: "settings read twice in one call: what is slow", killers: []string{"TestJ03ACallIsSlowBySettingsItBeganWith"}, edits: []edit{{
		"settle.go",
		"now-e.ran >= e.cfg.SlowCallDuration",
		"now-e.ran >= c.config.Load().SlowCallDuration",
	}}},

	// The race for a call's end.
	{name: "work and deadline both win", first: []suite{schedules}, killers: []string{"TestE07ResultDeadlineAndCancelHaveOneWinnerInEverySchedule"}, edits: []edit{{
		"task.go",
		"	return s > abandoned && t.status.CompareAndSwap(s, how)\n",
		"	t.status.Store(how)\n	return s > abandoned\n",
	}}},
	{name: "deadline and work both win", first: []suite{schedules}, killers: []string{"TestE07ResultDeadlineAndCancelHaveOneWinnerInEverySchedule"}, edits: []edit{{
		"task.go",
		"	if was > abandoned && t.status.CompareAndSwap(was, how) {\n",
		"	if was > abandoned {\n		t.status.Store(how)\n",
	}}},
	{name: "fallback started by winner and loser of the deadline race", killers: []string{"TestE07ResultAndDeadlineAtOneInstant"}, edits: []edit{{
		"command.go",
		"	if e.fallbackDue() && c.steps != nil {\n",
		"	if e.fallbackDue() && c.steps != nil {\n		if e.outcome == Timeout {\n" +
			"			_, _ = c.runFallbacks(req, e)\n		}\n",
	}}},
	{name: "a result at the deadline is a success", killers: []string{"TestE02RunsContextEndsAtThatVeryMoment"}, edits: []edit{
		{"settle.go", "	if err == nil && !late {\n", "	if err == nil {\n"},
		{"execution.go", "	if err == nil && !late && e.isPlain", "	if err == nil && e.isPlain"},
	}},
	{name: "the chain goes on after an answer", killers: []string{"TestB03TheChainStopsAtTheFirstAnswer"}, edits: []edit{{
		"fallback.go",
		"		if err == nil {\n			a.Outcome, a.Step, a.Cause = e.outcome, s.name, cause\n",
		"		if err == nil && i == len(c.steps)-1 {\n			a.Outcome, a.Step, a.Cause = e.outcome, s.name, cause\n",
	}}},
	{name: "future resolved by a plain store", first: []suite{racedFuture}, killers: []string{"TestAllWhoWaitForAFutureSeeTheSameAnswer"}, edits: []edit{
		{"future.go", "		f.resolve()\n", "		if !returned {\n			f.resolve()\n		}\n"},
		{"future.go", "	f.answer, f.err = call()\n", "	a, err := call()\n	f.resolve()\n	f.answer, f.err = a, err\n"},
	}},

	{name: "the context of a Pool's call that panicked lives on", killers: []string{"TestRunsContextEndsWithTheCall"}, edits: []edit{{
		"conclude.go", "	e.endContext() // unless that is done: a Pool's call panicked\n", "",
	}}},
	{name: "a late cancel of a call by Go ends the next", killers: []string{"TestACallByGoThatAStaleCancelMayFindIsNotUsedAgain"}, edits: []edit{{
		"async.go",
		"	a.cancelMayRun = a.stop != nil && !a.stopWatching()\n",
		"	if a.stop != nil {\n		a.stop()\n	}\n",
	}}},
	{name: "a call by Go that timed out is used again", first: []suite{schedules}, killers: []string{"TestH01CallByGoEndsOnceInEverySchedule"}, edits: []edit{{
		"async.go",
		"		if a.over = e.finishPooled(t, how); a.over {\n",
		"		a.over = true\n		if e.finishPooled(t, how) {\n",
	}}},

	// Window. It never clears: a bucket begins with a mark of the totals, which is what the
	// bucket is told from its past by.
	{name: "window bucket published before it is cleared", first: []suite{inner}, killers: []string{"TestD3ABoundaryIsCrossedOnce"}, edits: []edit{{
		"internal/window/ring.go",
		"	m := r.markLocked(old.latest())\n	r.setLocked(",
		"	m := old.latest()\n	r.setLocked(",
	}}},
	{name: "roll by two goroutines", first: []suite{inner}, killers: []string{"TestD3ABoundaryIsCrossedOnce"}, edits: []edit{{
		"internal/window/ring.go",
		"	r.mu.Lock()\n	defer r.mu.Unlock()\n	old := r.view.Load()\n",
		"	old := r.view.Load()\n",
	}}},
	{name: "an increment lost to another", first: []suite{inner}, killers: []string{"TestEventsThatMeetAreBothCounted", "TestContentionLosesNothing", "TestCountersLoseNothing"}, edits: []edit{{
		"internal/window/counters.go",
		"	return c.first[kind].Add(1)\n",
		"	n := c.first[kind].Load() + 1\n	c.first[kind].Store(n)\n	return n\n",
	}}},
	{name: "a failure counted in a stripe, where no judgement looks", first: []suite{inner}, killers: []string{"TestTheSerialKindsStayInOnePlaceWhoeverCountsThem"}, edits: []edit{{
		"internal/window/counters.go", "	if serial(kind & 63) {", "	if serial(kind&63) && kind != Guarded {",
	}}},
	{name: "marks let go of that the window needs", first: []suite{inner}, killers: []string{"TestARingAtRestKeepsNoMarks"}, edits: []edit{{
		"internal/window/ring.go", "r.steps(v, now) >= r.buckets\n}\n", "r.steps(v, now)+1 >= r.buckets\n}\n",
	}}},
	{name: "marks let go of as an event comes", first: []suite{windowSchedules}, killers: []string{"TestD03NothingIsLostOrCountedTwiceAtABoundaryInEverySchedule"}, edits: []edit{{
		"internal/window/ring.go",
		"	if v := r.view.Load(); r.outlived(v, now) {\n",
		"	if v := r.view.Load(); v.latest() != nothing {\n",
	}}},
	{name: "a command at rest keeps its window", killers: []string{"TestACommandAtRestKeepsLittleOfItsTraffic"}, edits: []edit{{
		"health.go", "	cfg.ring.Rest(now)\n	if cfg.last", "	if cfg.last",
	}}},
}
