// Package quill guards calls to other services.
//
// Give each outbound call a name. quill then limits it, times it, counts it, stops it when
// the dependency is ill, answers from a fallback meanwhile, and lets traffic back by itself
// when the dependency is well:
//
//	var getMovie = quill.New("movie-info", fetchMovie,
//		quill.Settings{Timeout: 800 * time.Millisecond, MaxConcurrent: 20}).
//		FallbackTo(getMovieFromReplica).
//		FallbackLast(lastMovies).
//		OrElse(Movie{Name: "unavailable"})
//
//	m, err := getMovie.Do(ctx, "550")
//
// Every call goes the same way, and ends in exactly one [Outcome]:
//
//	           ├────────── one deadline, counted from Do ───────────┤
//	Do(req) ─> forced? ─> breaker ─> bulkhead, with its queue ─> run ─> settle ─> answer
//	              │          │          │                         │       │
//	              └──────────┴──────────┴────────── cause ────────┴───────┴─> fallback 1 ─> 2 ─> … ─> answer or error
//
// A [Circuit] is the untyped part: the name, the breaker, the [Bulkhead], the meters, the
// [Settings]. A [Command] is a function bound to a circuit, with its fallback chain.
// [Circuit.Begin] serves what outlives a function. Circuits live in a [Registry].
//
// A mistake in the program's source panics where it is made ([New], [NewCircuit]). A mistake
// in what comes from outside, such as an operator's settings, returns an error and changes
// nothing ([Circuit.Configure], [Registry.Overlay], [Registry.Circuit], [ParseSettings]).
//
// quill reads time only through package time, so under testing/synctest everything is
// deterministic. A circuit that is idle holds no goroutine, except that workers, on which the calls of
// Pool isolation and those by [Go] run, stay for up to 20 s after the last of these. Nothing needs to
// be closed.
//
// The terms, the defaults and, where they are sensible, the rules are those of Netflix's
// Hystrix. docs/semantics.md has the tables, and each difference with its reason.
package quill
