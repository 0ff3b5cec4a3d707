// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply/password"
	"github.com/panoply-security/panoply/problem"
)

const (
	flood   = 1000 // logins at once, each on a connection of its own
	probes  = 400  // requests to the other route of a quiet server
	between = 5 * time.Millisecond
)

// loginApp compares passwords on one route, and answers at once on the other.
func loginApp() (http.Handler, error) {
	hasher, err := password.New(password.Config{})
	if err != nil {
		return nil, err
	}
	stored, err := hasher.Hash(context.Background(), "correct horse battery")
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /item", app())
	mux.Handle("POST /login", problem.Handler(func(w http.ResponseWriter, r *http.Request) error {
		given, err := io.ReadAll(io.LimitReader(r.Body, 1<<10))
		if err != nil {
			return err
		}
		ok, _, err := hasher.Verify(r.Context(), stored, string(given))
		if err != nil {
			return err
		}
		if !ok {
			w.WriteHeader(http.StatusUnauthorized)
		}
		return nil
	}))
	return mux, nil
}

// benchLogins floods a server with logins, and asks it for something else meanwhile.
func benchLogins(ctx context.Context) error {
	p, err := start(ctx, "logins", "")
	if err != nil {
		return err
	}
	defer p.stop()
	fmt.Printf("%d logins at once, argon2id of 19 MiB; a GET of 1 KB every %v meanwhile\n\n", flood, between)
	fmt.Printf("%-24s %12s %12s %12s %12s\n", "", "GET p50", "GET p99", "most", "RSS so far")
	show := func(name string, took []time.Duration) error {
		rss, err := p.memory()
		if err != nil {
			return err
		}
		slices.Sort(took)
		fmt.Printf("%-24s %9.2f ms %9.2f ms %9.2f ms %9d MB\n", name, millis(took[len(took)/2]), millis(took[len(took)*99/100]), millis(took[len(took)-1]), rss>>20)
		return nil
	}
	for _, name := range []string{"warming up", "quiet", "quiet, once more"} {
		n := 0
		took, err := p.probe(ctx, func() bool { n++; return n > probes })
		if err != nil {
			return err
		}
		if err := show(name, took); err != nil {
			return err
		}
	}
	logins := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: flood}, Timeout: 5 * time.Minute}
	defer logins.CloseIdleConnections()
	var pending, busy atomic.Int64
	pending.Store(flood)
	errs := make([]error, flood)
	began := time.Now()
	var group sync.WaitGroup
	for i := range flood {
		group.Go(func() {
			defer pending.Add(-1)
			resp, err := logins.Post(p.url+"/login", "text/plain", strings.NewReader("correct horse battery"))
			if err != nil {
				errs[i] = err
				return
			}
			io.Copy(io.Discard, resp.Body)
			resp.Body.Close()
			switch resp.StatusCode {
			case http.StatusOK:
			case http.StatusServiceUnavailable: // the queue has room for 1000
				busy.Add(1)
			default:
				errs[i] = errors.New(resp.Status)
			}
		})
	}
	took, err := p.probe(ctx, func() bool { return pending.Load() == 0 })
	group.Wait()
	if err = errors.Join(append(errs, err)...); err != nil {
		return err
	}
	all := time.Since(began)
	if err := show("1000 logins", took); err != nil {
		return err
	}
	fmt.Printf("\n%.1f logins a second; %d told to come again\n", (flood-float64(busy.Load()))/all.Seconds(), busy.Load())
	return nil
}

// probe asks for something else until it is done, and tells how long each answer took.
func (p *process) probe(ctx context.Context, done func() bool) (took []time.Duration, err error) {
	for !done() {
		began := time.Now()
		if err := p.send(ctx, works[0]); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
		time.Sleep(between)
	}
	return took, nil
}

func millis(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
