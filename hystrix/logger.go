package hystrix

import "sync/atomic"

type logger interface {
	Printf(format string, items ...any)
}

// NoopLogger drops what it is told.
type NoopLogger struct{}

// Printf does nothing.
func (NoopLogger) Printf(format string, items ...any) {} //nolint:revive // the names are API

// DefaultLogger is the logger until SetLogger is called. It is read once, when the program
// starts.
var DefaultLogger = NoopLogger{}

var firstLogger logger = DefaultLogger

var logging atomic.Pointer[logger]

// SetLogger says who gets the lines of the package: a circuit opens, tries one command, or
// closes. nil drops them. It may be called at any time; no lock is held while l is called.
func SetLogger(l logger) {
	if l == nil {
		l = NoopLogger{}
	}
	logging.Store(&l)
}

// log is the logger of now.
func log() logger {
	if l := logging.Load(); l != nil {
		return *l
	}
	return firstLogger
}
