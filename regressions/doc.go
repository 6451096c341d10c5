// Package regressions holds tests only: one for each fault that has bitten the users of
// libraries like this one, played on quill from the outside.
//
// docs/regressions.md has the table: each fault's number, what went wrong, and the test
// (or why there is none yet). The comment on each test says S, the setup; T, the trigger;
// C, what is correct; and where the fault was reported in public.
package regressions
