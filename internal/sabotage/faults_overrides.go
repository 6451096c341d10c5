package main

// ofOverrides are faults in what an operator, or Settings.Override, puts over the breaker.
var ofOverrides = []fault{
	{name: "an override that nobody sees", first: []suite{schedules}, killers: []string{"TestC09NobodyIsAdmittedOnceForcedOpenInEverySchedule"}, edits: []edit{{
		"override.go",
		"	c.publishLocked(true)\n	c.announceLocked(",
		"	c.announceLocked(",
	}}},
	{name: "a success is weighed although Disabled is in force", first: []suite{schedules}, killers: []string{"TestC09OverridesMeetResultsAsInSomeOrderInEverySchedule"}, edits: []edit{{
		"judge.go",
		"	if over != Disabled && t.epoch == c.gate.machine.epoch ",
		"	if over <= Disabled && t.epoch == c.gate.machine.epoch ",
	}}},
	{name: "nobody asks whether an override is over", killers: []string{"TestOverrideEndsWithItsTimeToLive"}, edits: []edit{{
		"gate.go", "	if !ends {\n", "	if !ends || g.override.until > 0 {\n",
	}}},
	{
		name: "a failure that an override let in changes nothing once it is over", first: []suite{schedules},
		killers: []string{"TestC09OverridesMeetResultsAsInSomeOrderInEverySchedule"}, edits: []edit{{
			"judge.go", "		return movesNothing(word, t)\n", "		return t.epoch == 0\n",
		}},
	},
	{name: "who is forced open refuses the long way", killers: []string{"TestCircuitsOverriddenForGoodTakeNoLock"}, edits: []edit{{
		"gate.go", "	if word&isForced == 0 && now >= ", "	if now >= ",
	}}},
}
