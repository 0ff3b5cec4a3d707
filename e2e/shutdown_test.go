// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestShutdown asks the guard to end while requests are under way in each of
// the ways in which they can be: the app has not answered yet, an answer has
// come half, a body has been sent half. All must end well, and the guard too.
// That it leaves no temporary file is for [startGuard] to see.
func TestShutdown(t *testing.T) {
	needsLinux(t)
	const each = 4 // of each way, by HTTP/2 and HTTP/1.1 in turn
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	underWay, stopping := gather(3*each), make(chan struct{})
	held := &gate{ctx, underWay, stopping}

	mux := http.NewServeMux()
	mux.HandleFunc("GET /wait", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = held.Read(nil)
		fmt.Fprint(w, "the whole answer")
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "the whole ")
		_ = http.NewResponseController(w).Flush()
		_, _ = held.Read(nil)
		fmt.Fprint(w, "answer")
	})
	mux.HandleFunc("POST /api/upload", func(w http.ResponseWriter, r *http.Request) {
		file, _, err := r.FormFile("file")
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		n, _ := io.Copy(io.Discard, file)
		fmt.Fprint(w, n, " bytes")
	})
	app := httptest.NewServer(mux)
	defer app.Close()
	defer cancel() // before Close, which waits for the handlers
	guard := startGuard(t, app.URL, strict)

	var faults tally
	var all sync.WaitGroup
	send := func(c int, method, path, want string, body io.Reader, length int64, contentType string) {
		client := guard.customer(t, c)
		all.Go(func() {
			r := request(ctx, method, guard.url+path, contentType, body, length)
			if length > 0 {
				r.Header.Set("Expect", "100-continue") // so that what is sent of the body, the guard has asked for
			}
			status, answer, err := talk(client, r)
			if err != nil || status != http.StatusOK || answer != want {
				faults.add(fmt.Sprintf("%s %s: got %d, %v; want 200 %q", method, path, status, err, want), answer)
				cancel() // the others may be waiting for this one
			}
		})
	}
	picture := largePicture(t)
	head, tail, contentType := formAround(t)
	for c := range each {
		send(c, "GET", "/wait", "the whole answer", nil, 0, "")
		send(c, "GET", "/stream", "the whole answer", nil, 0, "")
		half := string(picture[:len(picture)/2])
		rest := string(picture[len(picture)/2:])
		body := io.MultiReader(strings.NewReader(head+half), held, strings.NewReader(rest+tail))
		send(c, "POST", "/api/upload", fmt.Sprint(len(picture), " bytes"), body, int64(len(head)+len(picture)+len(tail)), contentType)
	}
	select {
	case <-underWay.complete:
	case <-ctx.Done(): // the faults say why
	}
	guard.process.Terminate()
	refused := awaitRefusal(ctx, guard.addr)
	close(stopping)
	all.Wait()
	faults.report(t)
	if !refused {
		t.Error("the guard did not stop to accept connections")
	}
	select {
	case <-guard.process.Ended():
	case <-ctx.Done():
		t.Fatal("the guard has not ended")
	}
	if code := guard.process.ExitCode(); code != 0 {
		t.Errorf("got exit code %d; want 0", code)
	}
}

// awaitRefusal returns when nothing accepts connections at addr any more, and
// false when the context ended before.
func awaitRefusal(ctx context.Context, addr string) bool {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil {
			return ctx.Err() == nil
		}
		conn.Close()
		select {
		case <-ctx.Done():
			return false
		case <-again.C:
		}
	}
}
