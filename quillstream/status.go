package quillstream

import (
	"encoding/json"
	"net/http"
	"time"
)

// UpstreamState is how an [Aggregator] stands with an upstream.
type UpstreamState string

// The states of an upstream.
const (
	Connecting UpstreamState = "connecting" // asked, and has not answered yet
	Connected  UpstreamState = "connected"  // is being read
	Waiting    UpstreamState = "waiting"    // failed, and is asked again after a while
)

// UpstreamStatus is what an [Aggregator] knows of one upstream. Counts only grow.
type UpstreamStatus struct {
	Name  string        `json:"name"`
	URL   string        `json:"url"` // without password and query
	State UpstreamState `json:"state"`
	// Since is when State began.
	Since time.Time `json:"since"`
	// LastMessage is when the last message that was summed came; zero if none has.
	LastMessage time.Time `json:"lastMessage,omitzero"`
	// Subjects is how many commands and pools of it are in the sum now.
	Subjects int `json:"subjects"`
	// Connections is how often it was asked, Messages how many messages were right, Bad
	// how many were not and were left out, Dropped how many were left out because there
	// are more than [MaxSubjects] commands and pools.
	Connections uint64 `json:"connections"`
	Messages    uint64 `json:"messages"`
	Bad         uint64 `json:"bad"`
	Dropped     uint64 `json:"dropped"`
	// LastError is what last went wrong, in words; it stays when all is well again.
	LastError string `json:"lastError,omitempty"`
}

// Status returns what is known of each upstream, in the order of the settings.
func (a *Aggregator) Status() []UpstreamStatus {
	all := make([]UpstreamStatus, len(a.upstreams))
	for i, u := range a.upstreams {
		all[i] = u.Status()
	}
	return all
}

// ServeStatus is a handler function that answers with Status as JSON, after the same
// Authorize as the stream.
func (a *Aggregator) ServeStatus(w http.ResponseWriter, r *http.Request) {
	if authorize := a.feed.settings.Authorize; authorize != nil {
		if err := authorize(r); err != nil {
			refuse(w, http.StatusForbidden, err.Error())
			return
		}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	data, err := json.MarshalIndent(a.Status(), "", "  ")
	if err != nil {
		refuse(w, http.StatusInternalServerError, err.Error()) // cannot be, up to the year 9999
		return
	}
	_, _ = w.Write(append(data, '\n')) // to somebody who may have gone
}

// Status returns what is known of the upstream.
func (u *upstream) Status() UpstreamStatus {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.forgetLocked()
	s := u.status
	s.Subjects = len(u.last)
	return s
}

// set moves the upstream to another state; err is why.
func (u *upstream) set(state UpstreamState, err error) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.status.State, u.status.Since = state, time.Now()
	if state == Connecting {
		u.status.Connections++
	}
	if err != nil {
		u.status.LastError = err.Error()
	}
}
