package main

// ofLoans are faults in how free slots are lent.
var ofLoans = []fault{
	{name: "to call in forgets a stripe", killers: []string{"TestA05TheLastSlotIsFoundWhateverIsLent"}, edits: []edit{{
		"loans.go",
		"	for i := range *l {\n		explore.WriteAt(\"stripe\", i)\n",
		"	for i := range (*l)[1:] {\n		explore.WriteAt(\"stripe\", i)\n",
	}}},
	{
		name: "a stripe is read, then closed", first: []suite{schedules},
		killers: []string{"TestA01NoMoreRunThanTheLimitWhileSlotsAreLentInEverySchedule"},
		edits: []edit{{
			"loans.go",
			"		back += (*l)[i].word.Swap(0) & freeMask\n",
			"		back += (*l)[i].word.Load() & freeMask\n		explore.WriteAt(\"stripe\", i)\n		(*l)[i].word.Store(0)\n",
		}},
	},
	{
		name: "a release goes to a stripe that was closed", first: []suite{schedules},
		killers: []string{"TestA01NoMoreRunThanTheLimitWhileSlotsAreLentInEverySchedule"},
		edits: []edit{{
			"loans.go",
			"		if w&from == 0 {\n",
			"		if w&from == 0 && (w != 0 || from == freeMask) {\n",
		}},
	},
	{name: "refused while slots are lent", killers: []string{"TestA05TheLastSlotIsFoundWhateverIsLent"}, edits: []edit{{
		"slots.go",
		"		case w&lending == 0:\n",
		"		case w&lending == 0 || !patient:\n",
	}}},
	{
		name: "the limit is lowered and what is lent stays", killers: []string{"TestA01SlotsAgreeWithTheirModelWhateverIsLent"},
		edits: []edit{{
			"slots.go",
			"	s.callInLocked() // it was lent by what the limit was\n",
			"",
		}},
	},
	{
		name: "lent while more are taken than a lowered limit", killers: []string{"TestNothingIsLentWhileMoreAreTakenThanTheLimit"},
		edits: []edit{{
			"loans.go",
			" || w&takenMask > w>>limitShift&limitMask {\n",
			" {\n",
		}},
	},
	{name: "lent while somebody waits", killers: []string{"TestA01SlotsAgreeWithTheirModelWhateverIsLent"}, edits: []edit{{
		"loans.go",
		"w&(lending|waiting) != 0",
		"w&lending != 0",
	}}},
	{
		name: "who comes to wait leaves what is lent", killers: []string{"TestA01SlotsAgreeWithTheirModelWhateverIsLent"},
		edits: []edit{{
			"slots.go",
			"s.word.Or(waiting)&lending != 0",
			"s.word.Or(waiting)&(lending|waiting) == lending|waiting",
		}},
	},
	{
		name: "one word for all, however many call at once", killers: []string{"TestAllWaysThroughLookWhetherOthersCall"},
		edits: []edit{{
			"spread.go", "		c.bulkhead.slots.lend()\n", "",
		}},
	},
	{
		name: "a refusal is not counted where the counters are spread", killers: []string{"TestAllWaysThroughCountWhereTheCountersAreSpread"},
		edits: []edit{{
			"gate.go", "n%window.LookEvery == 0 {\n", "n%window.LookEvery == 0 && n != 0 {\n",
		}},
	},
	{
		name: "a call that a value answers while open is no answer of its step", killers: []string{"TestAnswersOfAStepAreCountedWhereTheyAreSpread"},
		edits: []edit{{
			"meters.go", "			answered += c.counters.Total(kindAnsweredOpen)\n", "",
		}},
	},
	{
		name: "a call that a value answers while open was not refused", killers: []string{"TestAValueAnswersUntilTheSleepWindowEndsAndIsCountedInItsBucket"},
		edits: []edit{{
			"metrics.go", "s[ShortCircuited] + s[kindAnsweredOpen]", "s[ShortCircuited]",
		}},
	},
	{
		name: "a call looks for two of its counts", killers: []string{"TestACallLooksForOneOfItsCounts"},
		edits: []edit{{
			"unanswered.go", "e.circuit.counters.AddBeside(kindNoFallback, e.seat)", "e.circuit.count(kindNoFallback, e.seat)",
		}},
	},
	{
		name: "processors that share a stripe keep it", killers: []string{"TestProcessorsThatCountAtOneStripeGetOthers"},
		edits: []edit{{
			"spread.go", "		window.Reseat(time.Since(processStart))\n", "		_, _ = window.Reseat, time.Since(processStart)\n",
		}},
	},
	{
		name: "who was dealt a seat once keeps it", first: []suite{inner}, killers: []string{"TestTokensHaveSeatsInTheOrderTheyCome"},
		edits: []edit{{
			"internal/window/place.go", "t.seat == NoSeat || t.deal != uint32(seating.Load()>>32)", "t.seat == NoSeat",
		}},
	},
	{
		name: "a slot is given back where its call ends, not where it began", killers: []string{"TestASlotIsGivenBackAtTheSeatOfItsCall"},
		edits: []edit{{
			"execution.go", "!s.giveLent(e.seat)", "!s.giveLent(window.NoSeat)",
		}},
	},
	{
		name: "what a spread histogram has is not read", first: []suite{inner}, killers: []string{"TestTimesThatAreSpreadLoseNothing"},
		edits: []edit{{
			"internal/window/histogram.go", "	if h.spread.Load() != nil {\n		return false\n	}\n	for i", "	for i",
		}},
	},
}
