// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/internal/fault"
)

const (
	keySetFresh   = 10 * time.Minute // until it is fetched anew
	keySetStale   = 24 * time.Hour   // until an old one is worth nothing
	keySetPause   = 30 * time.Second // between two fetches, whatever asks for one
	keySetTimeout = 5 * time.Second  // of a fetch
	maxKeySet     = 256 << 10        // bytes of a set
	maxRedirects  = 3
)

var errNoKeys = errors.New("the key set could not be fetched")

// remote is a key set that is fetched when it is needed. It keeps no goroutine:
// an old set is refreshed behind the request that finds it old, and only a request
// that cannot be answered without a new one waits.
type remote struct {
	url        string
	algorithms []string
	client     *http.Client
	now        func() time.Time

	mu       sync.Mutex
	keys     []*key
	fetched  time.Time     // when keys came
	tried    time.Time     // when the last fetch began
	fetching chan struct{} // closed when the fetch under way ends; nil when none is
	cause    error         // why the last fetch failed
}

// remoteKeys readies the fetched key set.
func (t *Tokens) remoteKeys(cfg *Config, faults *fault.List) {
	if cfg.JWKS == "" {
		return
	}
	u, err := url.Parse(cfg.JWKS)
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		faults.Add("jwks", "it is no https address without a password", "https://login.example/.well-known/jwks.json; http only on loopback")
		return
	}
	if len(t.set) == 0 { // otherwise checked with the key that signs
		for i, name := range cfg.Algorithms {
			if m := jwt.GetSigningMethod(name); m == nil || name == "none" || name[0] == 'H' {
				faults.Addf(fmt.Sprintf("algorithms[%d]", i), "RS256 to PS512, ES256 to ES512, EdDSA", "%q is not for public keys", name)
			}
		}
	}
	r := &remote{url: cfg.JWKS, now: func() time.Time { return t.now() }}
	if len(t.set) == 0 {
		r.algorithms = slices.Clone(cfg.Algorithms)
	}
	r.client = &http.Client{
		Timeout: keySetTimeout,
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true, // once in ten minutes
			MaxResponseHeaderBytes: 64 << 10, ForceAttemptHTTP2: true,
		},
		CheckRedirect: func(to *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects || to.URL.Scheme != u.Scheme || u.Scheme == "http" && !loopback(to.URL.Hostname()) {
				return errors.New("redirected too often, or to another scheme")
			}
			return nil
		},
	}
	t.remote = r
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

// find returns the keys of the set. It asks for a new set when the one at hand
// is old, or names no such key, and waits for it no longer than ctx.
func (r *remote) find(ctx context.Context, kid string) ([]*key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	usable := r.keys != nil && now.Sub(r.fetched) < keySetStale
	missing := kid != "" && !slices.ContainsFunc(r.keys, func(k *key) bool { return k.takes(kid) })
	if !usable || missing || now.Sub(r.fetched) >= keySetFresh {
		r.refresh(now)
		if wait := r.fetching; wait != nil && (!usable || missing) {
			r.mu.Unlock()
			var gone error
			select {
			case <-wait: // no longer than the client's timeout
			case <-ctx.Done():
				gone = context.Cause(ctx)
			}
			r.mu.Lock()
			if gone != nil {
				return nil, fmt.Errorf("%w: %w", errNoKeys, gone)
			}
			usable = r.keys != nil && r.now().Sub(r.fetched) < keySetStale
		}
	}
	if !usable {
		return nil, fmt.Errorf("%w: %w", errNoKeys, r.cause)
	}
	return r.keys, nil
}

// refresh begins a fetch, unless one is under way or began a moment ago. The
// lock is held.
func (r *remote) refresh(now time.Time) {
	if r.fetching != nil || !r.tried.IsZero() && now.Sub(r.tried) < keySetPause {
		return
	}
	r.tried = now
	done := make(chan struct{})
	r.fetching = done
	go func() {
		keys, err := r.fetch()
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.cause = err; err == nil {
			r.keys, r.fetched = keys, r.now()
		}
		r.fetching = nil
		close(done)
	}()
}

// fetch gets and reads the set.
func (r *remote) fetch() ([]*key, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keySetTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, r.url, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/jwk-set+json, application/json")
	resp, err := r.client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("it answers with status %d", resp.StatusCode)
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxKeySet+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxKeySet {
		return nil, fmt.Errorf("it is longer than %d bytes", maxKeySet)
	}
	return readKeySet(text, r.algorithms)
}
