package quillhttp

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/seed-f7c3343e/quill"
)

// OtherHosts is the name of the circuit that takes the requests to hosts that get none of
// their own: those beyond [Hosts].MaxHosts, and those with a name that is not fit for a
// circuit ([quill.CheckName]). It is no host's [Origin].
const OtherHosts = "http://*"

// The defaults of [Hosts].
const (
	DefaultMaxHosts  = 1_000
	DefaultIdleAfter = time.Minute

	maxMaxHosts  = 1_000_000
	maxIdleAfter = 24 * time.Hour
)

// Hosts says how [PerHost] makes circuits. The zero value is a circuit with quill's
// defaults for each origin.
//
// A circuit that is in the Registry already under a host's name is used as it is: make it
// beforehand to give a host settings of its own. It counts towards no bound, and is never
// evicted.
//
// The others are made on the first request and stay, MaxHosts of them at most. When one
// more is needed, one that has not been used for long is evicted from the Registry, if
// nothing that matters is lost: its last call ended IdleAfter ago, its breaker is closed,
// nobody has put an override or other settings on it. If there is none such among the 16
// whose turn it is to be looked at, the request takes the circuit [OtherHosts], which all
// such hosts share; the next request looks at others. A host that died and is never asked
// again keeps its open circuit, and its place.
type Hosts struct {
	// Settings are those of every circuit made, but for Isolation: that is
	// [quill.Semaphore] whatever they say, or what a bulkhead of [quill.WithBulkhead] is. A
	// request is sent on its caller's goroutine and needs no worker.
	Settings quill.Settings
	// Options are further options of every circuit made, such as [quill.WithHooks].
	// [quill.WithRegistry] is not among them: use Registry.
	Options []quill.Option
	// Registry is where the circuits are; nil means [quill.DefaultRegistry].
	Registry *quill.Registry
	// Name names the circuit for a request; nil means [Origin]. With "" the request is
	// sent without a circuit. It is called from many goroutines at once.
	Name func(*http.Request) string
	// MaxHosts bounds the circuits made: 1 to 1,000,000, default 1,000. OtherHosts comes
	// on top.
	MaxHosts int
	// IdleAfter is how long a circuit must have been without a call to be evicted: from
	// Settings.RollingWindow, so that no evidence is lost, to 24h; default 1m, or
	// Settings.RollingWindow if that is longer.
	IdleAfter time.Duration
}

// Origin is the default of [Hosts].Name: scheme, host and port of the request's URL in
// lower case, the port left out where it is the scheme's own, such as
// "https://api.example.com" or "http://localhost:8082". A request without a host has
// none: it gives "". The host "*" keeps its port, "http://*:80", so that no origin is
// [OtherHosts].
func Origin(r *http.Request) string {
	if r.URL == nil || r.URL.Hostname() == "" {
		return ""
	}
	scheme, host, port := strings.ToLower(r.URL.Scheme), strings.ToLower(r.URL.Hostname()), r.URL.Port()
	if port != "" && port != ownPort[scheme] {
		return scheme + "://" + net.JoinHostPort(host, port)
	}
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if origin := scheme + "://" + host; origin != OtherHosts {
		return origin
	}
	return OtherHosts + ":80"
}

var ownPort = map[string]string{"http": "80", "https": "443"}

// Validate returns nil, or an error that names every field that is not valid. Those of
// Settings come as a [*quill.SettingsError] inside it.
func (h Hosts) Validate() error {
	h = h.withDefaults()
	var errs []error
	if h.MaxHosts < 1 || h.MaxHosts > maxMaxHosts {
		errs = append(errs, fmt.Errorf("quillhttp: MaxHosts is %d: must be 1 to 1,000,000", h.MaxHosts))
	}
	// A registry of its own: nothing must be left of the attempt.
	_, err := quill.NewRegistry().Circuit(OtherHosts, h.options()...)
	if err != nil {
		return errors.Join(append(errs, err)...)
	}
	if least := h.Settings.WithDefaults().RollingWindow; h.IdleAfter < least || h.IdleAfter > maxIdleAfter {
		errs = append(errs, fmt.Errorf("quillhttp: IdleAfter is %s: must be %s (RollingWindow) to 24h", h.IdleAfter, least))
	}
	return errors.Join(errs...)
}

func (h Hosts) withDefaults() Hosts {
	if h.Registry == nil {
		h.Registry = quill.DefaultRegistry
	}
	if h.Name == nil {
		h.Name = Origin
	}
	if h.MaxHosts == 0 {
		h.MaxHosts = DefaultMaxHosts
	}
	if h.IdleAfter == 0 {
		h.IdleAfter = max(DefaultIdleAfter, h.Settings.RollingWindow)
	}
	return h
}

func (h Hosts) options() []quill.Option {
	return append([]quill.Option{h.Settings}, h.Options...)
}
