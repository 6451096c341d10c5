package quillhttp

import (
	"io"
	"net/http"
	"sync/atomic"
)

// upload is a request's body that notes whether reading it failed: that is the fault of
// whoever made the request, and says nothing about the host.
type upload struct {
	io.ReadCloser

	state atomic.Int32
}

// States of an upload: whichever comes first stays.
const (
	uploading int32 = iota
	uploadFailed
	uploadClosed // errors from now on come of the closing
)

// watch wraps the body of r, which must be ours to change. A body that can be had again
// (GetBody) is in memory and cannot fail; net/http treats such bodies better unwrapped.
func watch(r *http.Request) *upload {
	if r.Body == nil || r.Body == http.NoBody || r.GetBody != nil {
		return nil
	}
	u := &upload{ReadCloser: r.Body}
	r.Body = u
	return u
}

// Read notes a failure to read.
func (u *upload) Read(p []byte) (int, error) {
	n, err := u.ReadCloser.Read(p)
	if err != nil && err != io.EOF { // one that wraps io.EOF is no end, but a failure
		u.state.CompareAndSwap(uploading, uploadFailed)
	}
	return n, err
}

// Close notes that the transport is done with the body.
func (u *upload) Close() error {
	u.state.CompareAndSwap(uploading, uploadClosed)
	return u.ReadCloser.Close()
}

func (u *upload) failed() bool { return u != nil && u.state.Load() == uploadFailed }
