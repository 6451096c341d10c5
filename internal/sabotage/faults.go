package main

// fault is one way to break the code that a reviewer could miss.
type fault struct {
	name  string
	edits []edit
	first []suite // likely to find it
}

// edit replaces text that must occur exactly once in the file.
type edit struct{ file, find, replace string }

// notBuilt are the faults of the list that have no code yet to break.
var notBuilt = []struct{ fault, why string }{
	{"the collapser drops the request that arrives as the batch fires", "no collapser"},
}

var faults = []fault{
	// Slots.
	{name: "release dropped on panic, semaphore", edits: []edit{{
		"flight.go",
		"	c := f.circuit\n	c.giveBack()\n",
		"	c := f.circuit\n	if f.settled {\n		c.giveBack()\n	}\n",
	}}},
	{name: "release dropped on panic, pool", edits: []edit{{
		"pool.go",
		"	c.giveBack()\n	if won {\n",
		"	if t.panicked == nil {\n		c.giveBack()\n	}\n	if won {\n",
	}}},
	{name: "release dropped on Goexit", edits: []edit{{
		"pool.go",
		"	c.giveBack()\n	if won {\n",
		"	if !t.goexit {\n		c.giveBack()\n	}\n	if won {\n",
	}}},
	{name: "release before run ends, at the deadline", edits: []edit{
		{
			"flight.go",
			"		f.settleLost(f.endedBy(how), c.now())\n",
			"		c.giveBack()\n		f.settleLost(f.endedBy(how), c.now())\n",
		},
		{
			"pool.go",
			"	c.giveBack()\n	if won {\n",
			"	if won {\n		c.giveBack()\n	}\n	if won {\n",
		},
	}},
	{name: "release twice on cancel", edits: []edit{{
		"flight.go",
		"		f.settleLost(f.endedBy(how), c.now())\n",
		"		if how == abandoned {\n			c.giveBack()\n		}\n		f.settleLost(f.endedBy(how), c.now())\n",
	}}},
	{name: "release twice when cancelled in the queue", edits: []edit{{
		"bulkhead.go",
		"		b.queue.remove(w)\n		b.admitWaitersLocked()\n		return false\n",
		"		b.queue.remove(w)\n		b.slots.giveBack()\n		b.admitWaitersLocked()\n		return false\n",
	}}},
	{name: "the slot of abandoned work given back twice", edits: []edit{{
		"pool.go",
		"		c.abandon(-1)\n	}\n	c.giveBack()\n",
		"		c.abandon(-1)\n		c.giveBack()\n	}\n	c.giveBack()\n",
	}}},
	{name: "check, then add, in the semaphore", first: []suite{schedules}, edits: []edit{{
		"bulkhead.go",
		"		if s.word.CompareAndSwap(w, w+1) {\n			return true\n		}\n",
		"		s.word.Add(1)\n		return true\n",
	}}},
	{name: "lost wake-up on resize", edits: []edit{{
		"bulkhead.go",
		"	b.queueSize.Store(int64(s.QueueSize))\n	b.admitWaitersLocked()\n",
		"	b.queueSize.Store(int64(s.QueueSize))\n",
	}}},
	{name: "lost wake-up between a full look and the queue", first: []suite{schedules}, edits: []edit{{
		"bulkhead.go",
		"	b.slots.setWaiting(true)\n	// A slot given back before the flag was set came to nobody: look once more.\n	b.admitWaitersLocked()\n",
		"	b.slots.setWaiting(true)\n",
	}}},
	{name: "a grant that meets a cancel is lost", edits: []edit{{
		"bulkhead.go",
		"	b.slots.giveBack()\n	b.admitWaitersLocked()\n	return false\n",
		"	return false\n",
	}}},
	{name: "queue count decremented by worker and canceller", edits: []edit{{
		"bulkhead.go",
		"	b.slots.giveBack()\n	b.admitWaitersLocked()\n	return false\n",
		"	b.queue.length--\n	b.slots.giveBack()\n	b.admitWaitersLocked()\n	return false\n",
	}}},
	{name: "the reaper keeps the places of workers it dismissed", first: []suite{schedules}, edits: []edit{{
		"workers.go",
		"			w.tasks <- nil // one that is idle has an empty channel\n",
		"			w.tasks <- nil // one that is idle has an empty channel\n			kept = append(kept, w)\n",
	}}},
	{name: "worker not replaced after Goexit", edits: []edit{{
		"pool.go",
		"again = t.warm && !t.goexit && ",
		"again = t.warm && ",
	}}},
	{name: "an idle worker taken by two, by way of a third", first: []suite{schedules}, edits: []edit{{
		"workers.go",
		"top&^numberMask+oneTake|uint64(below)",
		"top&^numberMask|uint64(below)",
	}}},
	{name: "workers idle without the reaper", first: []suite{schedules}, edits: []edit{{
		"workers.go",
		"	p.watched.Store(false)\n	if explore.On {\n		explore.Read(\"idle\")\n	}\n	if p.top.Load()&numberMask != 0 {\n",
		"	idle := p.top.Load()&numberMask != 0\n	if explore.On {\n		explore.Write(\"watched\")\n	}\n" +
			"	p.watched.Store(false)\n	if idle {\n",
	}}},

	// Breaker.
	{name: "epoch check dropped", edits: []edit{{
		"gate.go",
		"stale = t.epoch != 0 && t.epoch != g.machine.epoch",
		"stale = t.epoch != 0 && t.epoch > g.machine.epoch",
	}}},
	{name: "epoch check dropped where no lock is taken", edits: []edit{{
		"gate.go",
		"	if word&^passes != t.epoch<<epochShift {\n",
		"	if word&watches != 0 {\n",
	}}},
	{name: "a success looks only once whether it is watched", first: []suite{schedules}, edits: []edit{{
		"gate.go",
		"	if c.gate.word.Load() != word {\n",
		"	if word&watches != 0 {\n",
	}}},
	// There is no compare-and-swap from open to half-open: the lock stands for it.
	{name: "open to half-open by a plain store", first: []suite{racedBreaker}, edits: []edit{{
		"gate.go",
		"	g.lock()\n	defer g.mu.Unlock()\n	switch o := c.overrideLocked(now); o.kind {\n",
		"	if explore.On {\n		explore.Write(\"gate.mu\")\n	}\n	switch o := c.overrideLocked(now); o.kind {\n",
	}}},
	{name: "every call of a half-open circuit is a probe", edits: []edit{{
		"breaker.go",
		"if b.succeeded+len(b.probes) >= r.probes {",
		"if r.probes == 0 {",
	}}},
	{name: "a probe's place freed twice", edits: []edit{{
		"breaker.go",
		"			b.probes = append(b.probes[:i], b.probes[i+1:]...)\n			return now < p.until\n",
		"			b.probes[i] = p\n			return now < p.until\n",
	}}},
	{name: "a probe refused inside keeps its place", edits: []edit{{
		"breaker.go",
		"!b.takeBack(now, t.probe) {",
		"e != nothing && !b.takeBack(now, t.probe) {",
	}}},
	{name: "a probe that hangs is never replaced", edits: []edit{{
		"breaker.go",
		"	for _, p := range b.probes {\n		if now < p.until {\n			out = append(out, p)\n		}\n	}\n",
		"	for _, p := range b.probes {\n		out = append(out, p)\n	}\n",
	}}},
	// Written late, the deadline of the sleep window would only send a call to the lock, which
	// knows the right one. What can go wrong is that it is not written at all.
	{name: "deadline not written with the state", edits: []edit{{
		"gate.go",
		"			g.openUntil.Store(int64(g.machine.openUntil))\n",
		"",
	}}},
	{name: "> for >= at the threshold", edits: []edit{{
		"breaker.go",
		"float64(part)*100 >= percent*float64(whole)*(1-hair)",
		"float64(part)*100 > percent*float64(whole)*(1+hair)",
	}}},
	{name: "> for >= at the volume", edits: []edit{{
		"breaker.go",
		"case h.Requests < r.volume:",
		"case h.Requests <= r.volume:",
	}}},
	{name: "> for >= at the end of the sleep window", edits: []edit{
		{
			"breaker.go",
			"	if b.state == Open {\n		if now < b.openUntil {",
			"	if b.state == Open {\n		if now <= b.openUntil {",
		},
		{"gate.go", "c.gate.openUntil.Load()); now < until {", "c.gate.openUntil.Load()); now <= until {"},
	}},
	{name: "wall clock for the sleep window", edits: []edit{{
		"circuit.go",
		"{ return time.Since(c.born) }",
		"{ return time.Duration(time.Now().UnixNano() - c.born.UnixNano()) }",
	}}},
	{name: "an override that nobody sees", first: []suite{schedules}, edits: []edit{{
		"override.go",
		"	c.publishLocked(true)\n	c.announceLocked(",
		"	c.announceLocked(",
	}}},
	{name: "a success is weighed although Disabled is in force", first: []suite{schedules}, edits: []edit{{
		"gate.go",
		"	if over != Disabled && t.epoch == c.gate.machine.epoch ",
		"	if over <= Disabled && t.epoch == c.gate.machine.epoch ",
	}}},
	{name: "new settings in force without the gate's lock", first: []suite{schedules}, edits: []edit{
		{
			"circuit.go",
			"	c.gate.lock()\n	old := c.config.Load()\n",
			"	if explore.On {\n		explore.Write(\"gate.mu\")\n	}\n	old := c.config.Load()\n",
		},
		{"circuit.go", "	c.gate.mu.Unlock()\n	if !c.shared {\n", "	if !c.shared {\n"},
	}},
	{name: "the last calls forget a success that took no lock", edits: []edit{{
		"gate.go",
		"		if !slow && cfg.last == nil && c.countSuccess(now, t) {\n",
		"		if !slow && cfg != nil && c.countSuccess(now, t) {\n",
	}}},
	{name: "settings read twice in one call: the fallback's", edits: []edit{{
		"fallback.go",
		"c.ask(ctx, req, s, cause, f.cfg.FallbackTimeout)",
		"c.ask(ctx, req, s, cause, c.circuit.config.Load().FallbackTimeout)",
	}}},
	{name: "settings read twice in one call: what is slow", edits: []edit{{
		"flight.go",
		"now-f.ran >= f.cfg.SlowCallDuration",
		"now-f.ran >= c.config.Load().SlowCallDuration",
	}}},

	// The race for a call's end.
	{name: "work and deadline both win", first: []suite{schedules}, edits: []edit{{
		"task.go",
		"	return s > abandoned && t.status.CompareAndSwap(s, how)\n",
		"	t.status.Store(how)\n	return s > abandoned\n",
	}}},
	{name: "deadline and work both win", first: []suite{schedules}, edits: []edit{{
		"task.go",
		"	if was > abandoned && t.status.CompareAndSwap(was, how) {\n",
		"	if was > abandoned {\n		t.status.Store(how)\n",
	}}},
	{name: "fallback started by winner and loser of the deadline race", edits: []edit{{
		"command.go",
		"	if f.fallsBack() && c.steps != nil {\n",
		"	if f.fallsBack() && c.steps != nil {\n		if f.outcome == Timeout {\n" +
			"			_, _ = c.fallBack(ctx, req, f)\n		}\n",
	}}},
	{name: "a result at the deadline is a success", edits: []edit{{
		"flight.go",
		"	if err == nil && !late {\n",
		"	if err == nil {\n",
	}}},
	{name: "the chain goes on after an answer", edits: []edit{{
		"fallback.go",
		"		if err == nil {\n			a.Outcome, a.Step, a.Cause = f.outcome, s.name, cause\n",
		"		if err == nil && i == len(c.steps)-1 {\n			a.Outcome, a.Step, a.Cause = f.outcome, s.name, cause\n",
	}}},
	{name: "future resolved by a plain store", first: []suite{racedFuture}, edits: []edit{
		{"future.go", "		f.resolve()\n", "		if !returned {\n			f.resolve()\n		}\n"},
		{"future.go", "	f.answer, f.err = call()\n", "	a, err := call()\n	f.resolve()\n	f.answer, f.err = a, err\n"},
	}},

	{name: "a late cancel of a call by Go ends the next", edits: []edit{{
		"async.go",
		"	a.eyed = a.stop != nil && !a.stop()\n",
		"	if a.stop != nil {\n		a.stop()\n	}\n",
	}}},
	{name: "a call by Go that timed out is used again", first: []suite{schedules}, edits: []edit{{
		"async.go",
		"		if a.over = f.landPooled(t, how); a.over {\n",
		"		a.over = true\n		if f.landPooled(t, how) {\n",
	}}},

	// Hooks.
	{name: "hook under a lock", edits: []edit{{
		"evidence.go",
		"	c.notifier.add(t)\n",
		"	for _, h := range c.hooks {\n		if h.OnTransition != nil {\n			h.OnTransition(t)\n		}\n	}\n",
	}}},
	{name: "hook panic not recovered", edits: []edit{{
		"notifier.go",
		"		if v := recover(); v != nil {\n",
		"		if v := any(nil); v != nil {\n",
	}}},
	{name: "event before the call is given back", edits: []edit{{
		"call.go",
		"	defer f.conclude()\n	defer func() {\n",
		"	defer func() {\n		f.conclude()\n",
	}}},
	{name: "event before the state is visible", first: []suite{schedules}, edits: []edit{{
		"gate.go",
		"	c.publishLocked(m.why == takenBack)\n	c.announceLocked(now, m.from, h, reason)\n",
		"	c.announceLocked(now, m.from, h, reason)\n	c.publishLocked(m.why == takenBack)\n",
	}}},

	// Evidence and shadow.
	{name: "evidence shows an error as it is in spite of the redaction", edits: []edit{{
		"witness.go",
		"	return oneLine(c.redact(err))\n",
		"	return oneLine(textOf(err))\n",
	}}},
	{name: "shadow keeps the slot of a call that is over", edits: []edit{{
		"shadow.go",
		"	t.giveBack()\n	if limit",
		"	if limit",
	}}},
	{name: "shadow takes calls that it would have refused for evidence", edits: []edit{{
		"shadow.go",
		"	if !k.admitted {\n		switch o {",
		"	if !k.admitted {\n		t.judge(now, k.token, o, true, false, err)\n		switch o {",
	}}},
	{name: "shadow takes ignored and canceled calls past its timeout for what they were", edits: []edit{{
		"shadow.go",
		"took >= limit && o != Timeout {",
		"took >= limit && (o == Success || o == Failure) {",
	}}},
	{name: "errors of former windows are counted as evidence", edits: []edit{{
		"witness.go",
		"		if ageless {\n",
		"		if ageless || true {\n",
	}}},
	{name: "overrides push out why the circuit is open", edits: []edit{{
		"evidence.go",
		"			oldest = 1 // why",
		"			oldest = 0 // why",
	}}},

	// What shows circuits.
	{name: "stream send without a default branch", first: []suite{streams}, edits: []edit{{
		"quillstream/feed.go",
		"	close(former.newer)\n",
		"	former.newer <- struct{}{}\n",
	}}},
	{name: "a client of the stream may take for ever", first: []suite{streams}, edits: []edit{{
		"quillstream/serve.go",
		"	if err := c.control.SetWriteDeadline(time.Now().Add(c.timeout)); err != nil {\n		return err\n	}\n",
		"	if err := c.control.SetWriteDeadline(time.Time{}); err != nil {\n		return err\n	}\n",
	}}},
	{name: "a client of the stream too many", first: []suite{streams}, edits: []edit{{
		"quillstream/feed.go",
		"	if f.clients >= f.settings.MaxClients {\n",
		"	if f.clients > f.settings.MaxClients {\n",
	}}},
	{name: "the place of a refused stream is kept", first: []suite{streams}, edits: []edit{{
		"quillstream/serve.go",
		"	defer f.leave()\n	out := &client{w: w, control: http.NewResponseController(w), timeout: f.settings.WriteTimeout}\n" +
			"	if err := out.prepare(); err != nil {\n		refuse(w, http.StatusInternalServerError, err.Error())\n		return\n	}\n",
		"	out := &client{w: w, control: http.NewResponseController(w), timeout: f.settings.WriteTimeout}\n" +
			"	if err := out.prepare(); err != nil {\n		refuse(w, http.StatusInternalServerError, err.Error())\n		return\n	}\n	defer f.leave()\n",
	}}},
	{name: "the sum keeps what an upstream said before it fell silent", first: []suite{streams}, edits: []edit{{
		"quillstream/upstream.go",
		"	u.forgetLocked()\n	all := make(",
		"	all := make(",
	}}},
	{name: "the sum goes where an upstream redirects it", first: []suite{streams}, edits: []edit{{
		"quillstream/upstream.go",
		"	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }\n",
		"	c.CheckRedirect = func(*http.Request, []*http.Request) error { _ = http.ErrUseLastResponse; return nil }\n",
	}}},
	{name: "a scrape counts again what the last one did", first: []suite{scrapes}, edits: []edit{{
		"quillprom/ledger.go",
		"	a.last = now\n",
		"	a.last.shadow = now.shadow\n",
	}}},
	{name: "a removed circuit takes its last counts along", first: []suite{scrapes}, edits: []edit{{
		"quillprom/ledger.go",
		"			l.book(a, circuit.Stats(), circuit)\n			delete(l.accounts, circuit)\n",
		"			delete(l.accounts, circuit)\n",
	}}},
	{name: "every name gets series of its own", first: []suite{scrapes}, edits: []edit{{
		"quillprom/ledger.go",
		"	if name != other && len(n.by) < n.most {\n",
		"	if name != other {\n",
	}}},
	{name: "a candidate set anew is taken for the one before", first: []suite{scrapes}, edits: []edit{{
		"quillprom/shadow.go",
		"	if !last.there || !now.since.Equal(last.since) {\n",
		"	if !last.there {\n",
	}}},

	// Window. It never clears: a bucket begins with a mark of the totals, which is what the
	// bucket is told from its past by.
	{name: "window bucket published before it is cleared", first: []suite{inner}, edits: []edit{{
		"internal/window/ring.go",
		"	m := r.markLocked()\n	r.setLocked(",
		"	m := old.marks[0]\n	r.setLocked(",
	}}},
	{name: "roll by two goroutines", first: []suite{inner}, edits: []edit{{
		"internal/window/ring.go",
		"	r.mu.Lock()\n	defer r.mu.Unlock()\n	old := r.view.Load()\n",
		"	old := r.view.Load()\n",
	}}},
	{name: "an increment lost to another", first: []suite{inner}, edits: []edit{{
		"internal/window/counters.go",
		"	if old := n.Load(); !n.CompareAndSwap(old, old+1) {\n		c.contended(kind)\n	}\n",
		"	n.Store(n.Load() + 1)\n",
	}}},
}
