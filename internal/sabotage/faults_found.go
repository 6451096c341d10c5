package main

// ofThePast are faults that quill itself had, as one would make them again: see "Faults found in
// quill" in docs/reliability.md.
var ofThePast = []fault{
	{name: "places dropped while one is about to be pushed", killers: []string{"TestThePlaceOfAWorkerOnItsWayToTheStackIsKept"}, edits: []edit{{
		"workers.go", "	if !p.pushPending() {\n", "	if p != nil {\n",
	}}},
	{name: "an exit with a panic in a deferred function is a panic", killers: []string{"TestAnExitWithAPanicInADeferredFunctionCostsThePoolNothing"}, edits: []edit{{
		"pool.go",
		"			t.panicked = newPanicError(t.circuit.name, value)\n",
		"			t.panicked = newPanicError(t.circuit.name, value)\n			*at = nil\n			again = w.finish(t)\n",
	}}},
	{name: "a deadline far away is one of the past", killers: []string{"TestACallersDeadlineFarAwayEndsNoCall"}, edits: []edit{{
		"circuit.go",
		"	return c.now() + min(max(time.Until(t), -farOff), farOff)\n",
		"	return c.now() + time.Until(t)\n",
	}}},
	{name: "a resize undoes the isolation set meanwhile", first: []suite{schedules}, killers: []string{"TestJ05AResizeLeavesTheIsolationAsItIsInSchedulesWithinStops"}, edits: []edit{{
		"bulkhead.go", "	s.Isolation = b.isolation // which", "	// which",
	}}},
	{name: "a probe that ends under Disabled is judged", killers: []string{"TestAProbeThatEndsUnderDisabledIsNotJudged"}, edits: []edit{{
		"judge.go", "		ran = false // nobody judges", "		_ = ran // nobody judges",
	}}},
	{name: "what the settings disabled is judged under ForceClosed", killers: []string{"TestWhatWasCountedWhileDisabledIsNotJudgedAfterIt"}, edits: []edit{{
		"override.go",
		"	disabled := g.override.kind == Disabled || c.inForceLocked(now) == Disabled\n",
		"	disabled := g.override.kind == Disabled\n",
	}}},
	{name: "a call whose redaction exits is not judged", killers: []string{"TestARedactionThatExitsHidesNoCall"}, edits: []edit{{
		"conclude.go", "	if e.unjudged { ", "	if e.unjudged && e.stale { ",
	}}},
	{name: "a redaction runs on a worker that is idle for others", killers: []string{"TestASlowRedactionForAShadowHoldsUpNoOtherCall"}, edits: []edit{{
		"async.go", " && !t.goexit && e.shadow == nil {\n", " && !t.goexit {\n",
	}}},
	{name: "a hook waits for the End in which it runs", killers: []string{"TestAHookMayEndItsOwnCall"}, edits: []edit{
		{"call.go", "		first = true\n		k.end(err)\n", "		k.end(err)\n		k.exec.conclude()\n"},
		{"call.go", "		if first {\n", "		if first && err == nil && k.exec.concluded {\n"},
	}},
	{name: "a context is asked after the slot was taken", killers: []string{"TestAContextThatPanicsLeavesNothingHeld"}, edits: []edit{{
		"conclude.go", "	if e.running || e.started && !e.settled {\n", "	if e.running {\n",
	}}},
	{name: "the end of a bucket told before the marks", first: []suite{windowSchedules}, killers: []string{"TestD03NothingIsLostOrCountedTwiceAtABoundaryInEverySchedule"}, edits: []edit{
		{"internal/window/ring.go", "	explore.Put(\"ring.view\")\n	r.view.Store(v)\n", ""},
		{
			"internal/window/ring.go",
			"	r.next.Store(int64(r.end(v)))\n}\n",
			"	r.next.Store(int64(r.end(v)))\n	explore.Put(\"ring.view\")\n	r.view.Store(v)\n}\n",
		},
	}},
	{name: "work under the profiler's labels of an earlier call", killers: []string{"TestWorkOfAPoolHasTheProfilerLabelsOfItsCaller"}, edits: []edit{{
		"pool.go", "		if w.reusable() {\n			takeLabels", "		if w == nil {\n			takeLabels",
	}}},
	{name: "a fallback after a timeout under nobody's labels", killers: []string{"TestAFallbackAfterATimeoutHasTheProfilerLabelsOfItsCaller"}, edits: []edit{{
		"async.go", "		if how != finished {\n			takeLabels", "		if how == noDeadline {\n			takeLabels",
	}}},
	{name: "labels kept by a worker whose call panicked", killers: []string{"TestAWorkerWhoseCallPanickedKeepsNoProfilerLabels"}, edits: []edit{{
		"pool.go", "			if again = w.finish(over); again {\n", "			if again = w.finish(over); over == nil {\n",
	}}},
	{name: "a lent bulkhead stays retired", killers: []string{"TestABulkheadThatIsGivenToACircuitAfterItsOwnWasRemovedKeepsWorkers"}, edits: []edit{{
		"workers.go", "	b.pool.retired.Store(false)\n", "",
	}}},
	{name: "a stop of the process is a step of the clock", killers: []string{"TestAProcessThatWasStoppedBetweenTwoClocksTakesNoStepOfTheClock"}, edits: []edit{{
		"deadline.go", "	if since-before > undisturbed {", "	if since-before > time.Hour+undisturbed {",
	}}},
	{name: "rejections are told as the dependency's failures", killers: []string{"TestAnOpeningTellsHowManyCallsTheBulkheadRejected"}, edits: []edit{{
		"health.go", "	if o == Rejected {\n		mask |= 4", "	if o == Rejected && mask == 0 {\n		mask |= 4",
	}}},
	{name: "a hook of the registry is not for circuits made later", killers: []string{"TestHooksOfARegistryHearOfCircuitsMadeBeforeAndAfter"}, edits: []edit{{
		"registry.go", "	if r.hooks != nil {\n", "	if r.hooks == nil {\n",
	}}},
	{name: "new settings forget hooks that were added", killers: []string{"TestHooksOfARegistryHearOfCircuitsMadeBeforeAndAfter"}, edits: []edit{{
		"config.go", "		cfg.hooks, cfg.tellsCalls = old.hooks, old.tellsCalls\n", "",
	}}},
	{name: "a context that is asked for labels panics as run", killers: []string{"TestAContextThatKnowsItsOwnKeysAloneHarmsNoCallOfAPool"}, edits: []edit{{
		"pool.go", "	defer func() { _ = recover() }()\n	pprof", "	pprof",
	}}},
	{name: "terms shared by settings that differ as given", killers: []string{"TestCircuitsThatAreMadeWithTheSameSettingsShareWhatFollowsFromThem"}, edits: []edit{{
		"config.go", "o.terms.given == o.settings {", "o.terms.Settings == o.settings.WithDefaults() {",
	}}},
	{name: "nobody waits for a call by Go that has not begun", killers: []string{"TestWaitWaitsForWorkThatNobodyWaitsFor"}, edits: []edit{{
		"future.go", "	c.circuit.meters.background.Add(1)\n	run := func() {\n		defer c.circuit.callDone()\n", "	run := func() {\n",
	}}},
	{name: "a call by Go is out before its future is done", first: []suite{schedules}, killers: []string{"TestWaitMissesNoCallByGoInEverySchedule"}, edits: []edit{{
		"async.go",
		"			future.resolve()\n			circuit.callDone()\n",
		"			circuit.callDone()\n			future.resolve()\n",
	}}},
	{name: "a worker tells hooks of a call", killers: []string{"TestASlowHookOfACallByGoHoldsNoWorkerUp"}, edits: []edit{{
		"async.go", "c.stores != nil || cfg.tellsCalls || c.circuit.cold", "c.stores != nil || c.circuit.cold",
	}}},
	{name: "a panic of nil is a success", killers: []string{"TestAPanicOfNilIsAPanic"}, edits: []edit{{
		"pool.go", "			if over.panicked == nil {", "			if over == nil {",
	}}},
}
