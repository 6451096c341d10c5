package main

// ofHooks are faults in what is told of calls, and in what is kept of them.
var ofHooks = []fault{
	// Hooks.
	{name: "hook under a lock", killers: []string{"TestSlowOnTransitionDelaysNoCall"}, edits: []edit{{
		"evidence.go",
		"	c.notifyLocked(t)\n",
		"	if hooks := c.config.Load().hooks; hooks != nil {\n		for _, h := range *hooks {\n			if h.OnTransition != nil {\n				h.OnTransition(t)\n			}\n		}\n	}\n",
	}}},
	{name: "hook panic not recovered", killers: []string{"TestOnTransitionThatPanicsOrExitsLosesOneCallOnly"}, edits: []edit{{
		"notifier.go",
		"		if v := recover(); v != nil {\n",
		"		if v := any(nil); v != nil {\n",
	}}},
	{name: "event before the call is given back", killers: []string{"TestC10OnCallComesWhenEverythingIsGivenBack"}, edits: []edit{{
		"call.go",
		"	defer func() {\n		c.giveBack(e.seat)\n",
		"	defer func() {\n		e.conclude()\n		c.giveBack(e.seat)\n",
	}}},
	{name: "event before the state is visible", first: []suite{schedules}, killers: []string{"TestC08TransitionsAreToldInOrderAndAfterTheyAreSeenInEverySchedule"}, edits: []edit{{
		"gate.go",
		"	c.publishLocked(m.why == takenBack)\n	c.announceLocked(now, m.from, h, reason)\n",
		"	c.announceLocked(now, m.from, h, reason)\n	c.publishLocked(m.why == takenBack)\n",
	}}},
	{name: "an ordinary success tells no hook", killers: []string{"TestOrdinarySuccessesAreTimedAndToldAsAllOthers"}, edits: []edit{{
		"command.go",
		"if e.finish(ctx, err) && !e.cfg.tellsCalls && ",
		"if e.finish(ctx, err) && ",
	}}},
	{name: "a success that waited counts its wait as run's", killers: []string{"TestOrdinarySuccessesAreTimedAndToldAsAllOthers"}, edits: []edit{{
		"command.go",
		" && e.ran == e.began {\n			c.circuit",
		" {\n			c.circuit",
	}}},
	{name: "a refusal that a value answers tells no hook", killers: []string{"TestAValueAnswersOnlyWhileTheCircuitIsOpen"}, edits: []edit{{
		"gate.go",
		"	if cfg.tellsCalls || ctx.Err() != nil {\n",
		"	if ctx.Err() != nil {\n",
	}}},
	{name: "a value answers though the circuit was taken back", killers: []string{"TestAValueAnswersOnlyWhileTheCircuitIsOpen"}, edits: []edit{{
		"command.go",
		"!ok || !c.circuit.refuse",
		"!ok && word == 0 || !c.circuit.refuse",
	}}},

	// Evidence and shadow.
	{name: "evidence shows an error as it is in spite of the redaction", killers: []string{"TestErrorsAreRedacted"}, edits: []edit{{
		"samples.go",
		"	return oneLine(c.redact(err))\n",
		"	return oneLine(textOf(err))\n",
	}}},
	{name: "shadow keeps the slot of a call that is over", killers: []string{"TestShadowCountsWhatItsBulkheadWouldReject"}, edits: []edit{{
		"shadow.go",
		"	t.giveBack(window.NoSeat)\n	if limit",
		"	if limit",
	}}},
	{name: "shadow takes calls that it would have refused for evidence", killers: []string{"TestShadowRefusesNothingAndTellsWhatItWouldHave"}, edits: []edit{{
		"shadow.go",
		"	if !k.admitted {\n		switch o {",
		"	if !k.admitted {\n		t.judge(now, k.token, o, true, false, err, window.NoSeat)\n		switch o {",
	}}},
	{name: "shadow takes ignored and canceled calls past its timeout for what they were", killers: []string{"TestShadowCountsWhatItsTimeoutWouldCut"}, edits: []edit{{
		"shadow.go",
		"took >= limit && o != Timeout {",
		"took >= limit && (o == Success || o == Failure) {",
	}}},
	{name: "errors of former windows are counted as evidence", killers: []string{"TestErrorsAreCountedInTheWindowOnly"}, edits: []edit{{
		"samples.go",
		"		if ageless {\n",
		"		if ageless || true {\n",
	}}},
	{name: "overrides push out why the circuit is open", killers: []string{"TestTheLastChangeOfStateOutlastsAnyNumberOfOverrides"}, edits: []edit{{
		"evidence.go",
		"			oldest = 1 // why",
		"			oldest = 0 // why",
	}}},
}

// ofSight are faults in what shows circuits to people.
var ofSight = []fault{
	{name: "stream send without a default branch", first: []suite{streams}, killers: []string{"TestAllClientsShareOneSnapshotATick"}, edits: []edit{{
		"quillstream/feed.go",
		"	close(former.newer)\n",
		"	former.newer <- struct{}{}\n",
	}}},
	{name: "a client of the stream may take for ever", first: []suite{streams}, killers: []string{"TestK01AClientThatStopsReadingIsCutOff"}, edits: []edit{{
		"quillstream/serve.go",
		"	if err := c.control.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {\n		return err\n	}\n",
		"	if err := c.control.SetWriteDeadline(time.Time{}); err != nil {\n		return err\n	}\n",
	}}},
	{name: "a client of the stream too many", first: []suite{streams}, killers: []string{"TestK02TooManyClientsAreRefusedUntilOneLeaves"}, edits: []edit{{
		"quillstream/feed.go",
		"	if f.clients >= f.settings.MaxClients {\n",
		"	if f.clients > f.settings.MaxClients {\n",
	}}},
	{name: "the place of a refused stream is kept", first: []suite{streams}, killers: []string{"TestAClientThatGoesLeavesNothing"}, edits: []edit{{
		"quillstream/serve.go",
		"	defer f.leave()\n	out := &client{w: w, control: http.NewResponseController(w), timeout: f.settings.WriteTimeout}\n" +
			"	if err := out.prepare(); err != nil {\n		refuse(w, http.StatusInternalServerError, err.Error())\n		return\n	}\n",
		"	out := &client{w: w, control: http.NewResponseController(w), timeout: f.settings.WriteTimeout}\n" +
			"	if err := out.prepare(); err != nil {\n		refuse(w, http.StatusInternalServerError, err.Error())\n		return\n	}\n	defer f.leave()\n",
	}}},
	{name: "the sum keeps what an upstream said before it fell silent", first: []suite{streams}, killers: []string{"TestACommandThatIsToldOfNoMoreLeavesTheSum"}, edits: []edit{{
		"quillstream/upstream.go",
		"	u.forgetLocked()\n	all := make(",
		"	all := make(",
	}}},
	{name: "the sum goes where an upstream redirects it", first: []suite{streams}, killers: []string{"TestNothingIsFetchedButWhatTheSettingsName"}, edits: []edit{{
		"quillstream/upstream.go",
		"	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }\n",
		"	c.CheckRedirect = func(*http.Request, []*http.Request) error { _ = http.ErrUseLastResponse; return nil }\n",
	}}},
	{name: "a scrape counts again what the last one did", first: []suite{scrapes}, killers: []string{"TestNamesBeyondTheLimitAreSummed"}, edits: []edit{{
		"quillprom/ledger.go",
		"	a.last = now\n",
		"	a.last.shadow = now.shadow\n",
	}}},
	{name: "a removed circuit takes its last counts along", first: []suite{scrapes}, killers: []string{"TestRemovedCircuitsLeaveTheirCountsAndNoGauges"}, edits: []edit{{
		"quillprom/ledger.go",
		"			l.book(a, circuit.Stats(), circuit)\n			delete(l.accounts, circuit)\n",
		"			delete(l.accounts, circuit)\n",
	}}},
	{name: "every name gets series of its own", first: []suite{scrapes}, killers: []string{"TestNamesBeyondTheLimitAreSummed"}, edits: []edit{{
		"quillprom/ledger.go",
		"	if name != other && len(n.by) < n.most {\n",
		"	if name != other {\n",
	}}},
	{name: "a candidate set anew is taken for the one before", first: []suite{scrapes}, killers: []string{"TestCandidateSettingsHaveSeriesOfTheirOwn"}, edits: []edit{{
		"quillprom/shadow.go",
		"	if !last.there || !now.since.Equal(last.since) {\n",
		"	if !last.there {\n",
	}}},
}
