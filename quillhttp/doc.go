// Package quillhttp guards outbound HTTP calls with quill's circuits.
//
// A [Transport] is an [http.RoundTripper] around another one. [New] puts every request
// through one circuit; [PerHost] gives each host a circuit of its own:
//
//	client := &http.Client{Transport: quillhttp.PerHost(quillhttp.Hosts{
//		Settings: quill.Settings{Timeout: 5 * time.Second, MaxConcurrent: 50},
//	}, nil)}
//
// Settings that are left out have their defaults here, too: 10 responses per host may be open
// at once, and each has 1s, the reading of its body included.
//
// What counts as what:
//
//	the answer                                    the call's outcome
//	1xx, 2xx, 3xx                                 Success
//	5xx, 408, 429                                 Failure, with a [StatusError] as its cause
//	a status that [Transport.FailureOn] names     Failure, likewise
//	any other 4xx                                 Ignored: the request was wrong, the host is well
//	no answer, or a body that breaks off          Failure
//	the deadline passed before the body's end     Timeout
//	the caller cancelled                          Canceled
//	the request's own body could not be read      Ignored: the host is not to blame
//
// The caller gets every response as it is, a 503 too: a RoundTripper reports no error for
// a status. Errors are those of the circuit ([quill.ErrOpen], [quill.ErrFull],
// [quill.ErrTimeout], always inside a [*quill.Error]) and those of the transport below.
// [http.Client] wraps both in a [*url.Error]; [errors.Is] and [errors.As] see through it.
//
// A call lasts until its response's body is read to the end or closed, never less: until
// then it holds its slot of the bulkhead, its latency runs, and its context lives. So the
// circuit's Timeout covers the body as well. Give streams and upgraded connections a
// circuit of their own with [quill.NoTimeout]. A caller that neither reads a body to its
// end nor closes it holds the slot for ever, as it would hold the connection with net/http
// alone.
//
// A Retry-After header of a 429 or 503, in seconds or as a date, is passed on with
// [quill.RetryAfter]: if that answer opens the circuit, the circuit stays open at least that long,
// within the bounds of [quill.RetryAfter].
package quillhttp
