// Package hystrix is the API of github.com/afex/hystrix-go on quill: programs written for
// that package move by changing an import path (or, with the module in compat/hystrix-go, by
// one line of go.mod).
//
//	err := hystrix.Do("get_user", func() error {
//		return fetchUser()
//	}, func(err error) error {
//		return fetchUserFromCache()
//	})
//
// A command is a name. Behind each is a [quill.Circuit] with Pool isolation: run executes on
// a goroutine of its own, and its caller leaves at the Timeout. What programs rely on is as
// it was: settings, error values and texts, events, the fields of the event stream. What was
// a fault is mended: no goroutine stays for ever, a timeout ends run's context and keeps the
// slot until run returns, late results move nothing, a probe that hangs does not let others
// through, statistics are not dropped. docs/from-hystrix-go.md lists both, with the test of
// each.
//
// What hystrix-go has not, quill brings: [ConfigureQuill] for settings such as a queue or the
// rolling window, [QuillCircuit] for the circuit behind a name, [QuillRegistry] for the
// circuits of all names. Programs that import this package by quill's path give that registry to
// quill's packages for metrics and dashboards. Programs that came by a line of go.mod cannot
// name quill's types: they change what QuillCircuit(name).Settings() returns and pass it to
// ConfigureQuill.
package hystrix
