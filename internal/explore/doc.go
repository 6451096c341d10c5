// Package explore runs a few goroutines through every schedule there is, one step of shared
// memory at a time, and checks what the code promises after each step.
//
// The code under test says where its steps are: [Read] and [Write] before an access to
// shared memory, [Lock] before a mutex, [Select] and [Receive] before a channel that may
// block, [Go] in place of the go statement. In a normal build all of these are empty and
// leave nothing behind (TestNothingRemainsOfTheExplorerInANormalBuild of the root package); with the
// build tag "explore" they hand control to a scheduler, which lets one goroutine run at a
// time, and which a scenario's test drives with Run:
//
//	go test -tags explore -run EverySchedule .
//
// # How every schedule is covered
//
// Run plays the scenario from its beginning again and again. Wherever several goroutines
// could go on it takes another way than before, depth first, until there is none left. Two
// beginnings of schedules lead to the same state if they order all accesses to the same
// object alike (that is, if they differ only in the order of steps that do not meet). They
// do as well if each goroutine has read the same values and the objects hold the same values
// now, where the scenario tells them (Scenario.Value). A blind write ([Put]) reads nothing,
// and what a goroutine has read only to compare it later is one bit ([Holding]). Of
// beginnings that lead to the same state only one is followed further. So the report has
// three figures: how many schedules there are, how many states they pass through, and how
// many executions it took to see all.
//
// What is asked of the code: between two points a goroutine touches one shared object, and
// those only which a mutex guards that it holds; a goroutine does the same again if it reads
// the same. An object is known by its name; two of one name are taken for one, which costs
// time and loses nothing. Goroutines that the scheduler does not know, of timers for one,
// must keep away while a scenario runs.
//
// Sequential consistency is assumed, which Go's memory model promises for sync/atomic.
package explore
