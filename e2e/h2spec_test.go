// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/summerwind/h2spec/config"
	"github.com/summerwind/h2spec/generic"
	"github.com/summerwind/h2spec/hpack"
	"github.com/summerwind/h2spec/http2"
	"github.com/summerwind/h2spec/spec"
)

// TestHTTP2Conformance plays h2spec's cases to the guard and to a bare net/http server: the
// guard fails none that the server passes.
func TestHTTP2Conformance(t *testing.T) {
	page := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		io.WriteString(w, "a page of some bytes")
	})
	app := httptest.NewServer(page)
	t.Cleanup(app.Close)
	bare := httptest.NewUnstartedServer(page)
	bare.EnableHTTP2 = true
	bare.StartTLS()
	t.Cleanup(bare.Close)
	guard := startGuard(t, app.URL, strict)

	ofGuard, ofBare := h2cases(), h2cases()
	failedByBare := make(chan map[string]error, 1)
	go func() { failedByBare <- conform(bare.Listener.Addr().String(), ofBare, 2*time.Second) }()
	failed := conform(guard.addr, ofGuard, 2*time.Second)
	known := <-failedByBare
	if len(ofGuard) < 140 || len(known) > len(ofBare)/10 {
		t.Fatalf("%d cases, of which net/http fails %d: this is no HTTP/2", len(ofGuard), len(known))
	}
	for name, err := range failed {
		if known[name] != nil {
			continue
		}
		// A machine that stands still for two seconds fails any case.
		for range 3 {
			if err = try(guard.addr, ofGuard[name], 10*time.Second); err == nil {
				break
			}
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Logf("of %d cases, net/http fails %d and the guard %d", len(ofGuard), len(known), len(failed))
	for name, err := range known {
		t.Logf("net/http: %s: %v", name, err)
	}
}

// h2cases are all cases by their names.
func h2cases() map[string]*spec.TestCase {
	all := map[string]*spec.TestCase{}
	var walk func(*spec.TestGroup)
	walk = func(g *spec.TestGroup) {
		for i, c := range g.Tests {
			all[fmt.Sprintf("%s/%d %s", g.ID(), i+1, c.Desc)] = c
		}
		for _, sub := range g.Groups {
			walk(sub)
		}
	}
	for _, g := range []*spec.TestGroup{generic.Spec(), http2.Spec(), hpack.Spec()} {
		walk(g)
	}
	return all
}

// conform plays the cases, a few at a time, and returns those that failed.
func conform(addr string, cases map[string]*spec.TestCase, patience time.Duration) map[string]error {
	failed := map[string]error{}
	var all sync.WaitGroup
	var mu sync.Mutex
	turn := make(chan struct{}, 8)
	for name, c := range cases {
		turn <- struct{}{}
		all.Go(func() {
			defer func() { <-turn }()
			if err := try(addr, c, patience); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failed[name] = err
			}
		})
	}
	all.Wait()
	return failed
}

func try(addr string, c *spec.TestCase, patience time.Duration) error {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return err
	}
	cfg := &config.Config{Host: host, Path: "/", Timeout: patience, MaxHeaderLen: 4000, TLS: true, Insecure: true}
	if cfg.Port, err = strconv.Atoi(port); err != nil {
		return err
	}
	conn, err := spec.Dial(cfg)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := c.Run(cfg, conn); err != nil && err != spec.ErrSkipped {
		return err
	}
	return nil
}
