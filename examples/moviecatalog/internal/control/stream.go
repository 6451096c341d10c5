package control

import (
	"net/http"

	"github.com/seed-f7c3343e/quill"
	"github.com/seed-f7c3343e/quill/quillstream"
)

// stream shows the circuits to Hystrix's dashboard and to what else reads its streams.
func stream(reg *quill.Registry) http.Handler {
	return quillstream.NewStream(reg, quillstream.StreamSettings{Group: service})
}
