// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxCheckBody is what is read of the answer to a check, so that the connection can be
// used again.
const maxCheckBody = 64 << 10

// start begins the checks, if the server has any.
func (s *server) start() {
	if s.health.Path == "" || s.stop != nil {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	s.stop = func() { cancel(); <-ended }
	go func() {
		defer close(ended)
		next := time.NewTicker(s.health.Interval)
		defer next.Stop()
		for {
			if err := s.ask(ctx); ctx.Err() == nil {
				s.checked(err)
			}
			select {
			case <-ctx.Done():
				return
			case <-next.C:
			}
		}
	}()
}

// end ends the checks and the idle connections. Requests under way go on.
func (s *server) end() {
	if s.stop != nil {
		s.stop()
	}
	s.transport.CloseIdleConnections()
}

// ask asks the server whether it is well. Redirects are good answers, and not followed.
func (s *server) ask(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, s.health.Timeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.endpoint.URL.String()+s.health.Path, nil)
	if err != nil {
		return err
	}
	r.Header.Set("User-Agent", "panoply-health")
	if s.headers != nil {
		s.headers(r.Header)
	}
	res, err := s.transport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	io.CopyN(io.Discard, res.Body, maxCheckBody) // its status has answered
	if res.StatusCode < 200 || res.StatusCode > 399 {
		return fmt.Errorf("GET %s answers %d", s.health.Path, res.StatusCode)
	}
	return nil
}
