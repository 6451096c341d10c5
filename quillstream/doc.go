// Package quillstream shows circuits to people and programs over HTTP.
//
// [Stream] serves hystrix.stream: the server-sent events that Hystrix's own dashboard,
// Turbine and many other programs read, one message for each circuit and one for each
// bulkhead whose calls run on a pool. [Aggregator] does what Turbine does: it reads the
// streams of several processes and serves their sum.
//
//	stream := quillstream.NewStream(quill.DefaultRegistry, quillstream.StreamSettings{})
//	mux.Handle("GET /hystrix.stream", stream)
//
// [Dashboard] serves a page of all circuits for people: what they do now, what they did in
// the last hour, and why. With [WithAdmin] they are changed there, too.
//
//	board := quillstream.Dashboard(nil)
//	defer board.Close() // when the server has stopped
//	mux.Handle("GET /quill/", http.StripPrefix("/quill", board)) // with WithAdmin POST as well
//
// All are handlers for a mux of yours. The first two make one snapshot a tick, however many
// clients there are, and none while there is no client. No client holds up another or a
// call: one that does not take what is sent is cut off. docs/stream.md has every field.
package quillstream
