// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"io"
	"net/http"
	"time"
)

// chunkTime is how long each chunk of a request body may take. A deadline for
// the whole body would cut long uploads off; one for each chunk stops clients
// that only hold the connection.
const chunkTime = 60 * time.Second

// idleBody renews the connection's read deadline with every read.
type idleBody struct {
	io.ReadCloser
	control *http.ResponseController
	armed   bool
}

// guardBody puts the deadline into the request's body.
func guardBody(w http.ResponseWriter, r *http.Request) *idleBody {
	b := &idleBody{ReadCloser: r.Body, control: http.NewResponseController(w)}
	if r.Body != nil && r.Body != http.NoBody {
		r.Body = b
	}
	return b
}

func (b *idleBody) Read(p []byte) (int, error) {
	b.armed = b.control.SetReadDeadline(time.Now().Add(chunkTime)) == nil
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.done()
	}
	return n, err
}

// done lifts the deadline: the server watches the connection while the answer
// is sent, and would take an old deadline for a client that went away.
func (b *idleBody) done() {
	if b.armed {
		b.armed = false
		b.control.SetReadDeadline(time.Time{})
	}
}
