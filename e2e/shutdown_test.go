// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
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
	if runtime.GOOS == "windows" {
		lacking(t, "SIGTERM", errors.ErrUnsupported)
	}
	needsMemory(t) // for the customers' addresses
	const each = 4 // of each way, by HTTP/2 and HTTP/1.1 in turn
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var underWay, all sync.WaitGroup
	underWay.Add(3 * each)
	stopping := make(chan struct{})
	await := func() error { return (&gate{underWay.Done, stopping, ctx}).wait() }

	mux := http.NewServeMux()
	mux.HandleFunc("GET /wait", func(w http.ResponseWriter, _ *http.Request) {
		_ = await()
		fmt.Fprint(w, "the whole answer")
	})
	mux.HandleFunc("GET /stream", func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "the whole ")
		_ = http.NewResponseController(w).Flush()
		_ = await()
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
	send := func(c int, method, path, want string, body io.Reader, length int64, contentType string) {
		client := guard.customer(t, c)
		all.Go(func() {
			status, answer, err := talk(ctx, client, method, guard.url+path, contentType, body, length)
			if err != nil || status != http.StatusOK || answer != want {
				faults.add(fmt.Sprintf("%s %s: got %d, %v; want 200 %q", method, path, status, err, want), answer)
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
		body := io.MultiReader(strings.NewReader(head+half), &gate{underWay.Done, stopping, ctx}, strings.NewReader(rest+tail))
		send(c, "POST", "/api/upload", fmt.Sprint(len(picture), " bytes"), body, int64(len(head)+len(picture)+len(tail)), contentType)
	}
	underWay.Wait()
	guard.process.Terminate()
	awaitRefusal(ctx, t, guard.addr)
	close(stopping)
	all.Wait()
	faults.report(t)
	select {
	case <-guard.process.Ended():
	case <-ctx.Done():
		t.Fatal("the guard has not ended")
	}
	if code := guard.process.ExitCode(); code != 0 {
		t.Errorf("got exit code %d; want 0", code)
	}
}

// awaitRefusal returns when nothing accepts connections at addr any more.
func awaitRefusal(ctx context.Context, t *testing.T, addr string) {
	t.Helper()
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
		if err != nil && ctx.Err() == nil {
			return
		}
		if err == nil {
			conn.Close()
		}
		select {
		case <-ctx.Done():
			t.Fatal("the guard still accepts connections")
		case <-again.C:
		}
	}
}
