// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// provider publishes a key set, counts who asks for it, and can fail.
type provider struct {
	*httptest.Server
	asked atomic.Int32
	set   atomic.Value // of string
	fails atomic.Bool
}

func newProvider(t *testing.T, kids ...string) *provider {
	p := &provider{}
	p.publish(kids...)
	p.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		if p.fails.Load() {
			http.Error(w, "down", http.StatusBadGateway)
			return
		}
		w.Write([]byte(p.set.Load().(string)))
	}))
	t.Cleanup(p.Close)
	return p
}

func (p *provider) publish(kids ...string) {
	var list []jwk
	for _, kid := range kids {
		j, _ := jwkOf(keys().ec["ES256"].Public())
		j.KeyID = kid
		list = append(list, j)
	}
	p.set.Store(string(must(json.Marshal(map[string]any{"keys": list}))))
}

// clock is a time that tests move.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// settled waits for a fetch that goes on behind the requests.
func settled(r *remote) {
	r.mu.Lock()
	wait := r.fetching
	r.mu.Unlock()
	if wait != nil {
		<-wait
	}
}

func fromProvider(t *testing.T, url string) (*Tokens, *clock) {
	t.Helper()
	tok, err := New(Config{JWKS: url, MaxLifetime: maxLifetime})
	if err != nil {
		t.Fatal(err)
	}
	c := &clock{at: testNow}
	tok.now = c.now
	return tok, c
}

func issued(t *testing.T, kid string) string {
	header := map[string]any{"kid": kid}
	if kid == "" {
		header = nil
	}
	return sign(t, jwt.SigningMethodES256, keys().ec["ES256"], header, map[string]any{"sub": "42", "exp": testNow.Add(48 * time.Hour).Unix()})
}

// A request waits for a key set no longer than somebody waits for it.
func TestAWaitForKeysEndsWithItsRequest(t *testing.T) {
	p := newProvider(t, "a", "b")
	for _, tt := range []struct {
		name  string
		known bool // a set that lacks the key is at hand
	}{{"first-set", false}, {"another-key", true}} {
		t.Run(tt.name, func(t *testing.T) {
			answer, asked := make(chan struct{}), make(chan struct{}, 1)
			slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				asked <- struct{}{}
				<-answer
				p.Config.Handler.ServeHTTP(w, r)
			}))
			defer slow.Close()
			tok, _ := fromProvider(t, slow.URL)
			if tt.known {
				tok.remote.keys, tok.remote.fetched = []*key{}, testNow
			}
			ctx, cancel := context.WithCancel(t.Context())
			go func() {
				<-asked
				cancel()
			}()
			for range 2 { // the one that began the fetch, and another one
				if _, err := tok.VerifyContext(ctx, issued(t, "b")); !errors.Is(err, context.Canceled) || problem.As(err).Rule != rule.TokenUnavailable {
					t.Errorf("VerifyContext = %v; want %v for %v", err, rule.TokenUnavailable, context.Canceled)
				}
			}
			close(answer)
			if _, err := tok.Verify(issued(t, "b")); err != nil { // the fetch went on
				t.Errorf("Verify = %v", err)
			}
		})
	}
}

func TestFetchedKeys(t *testing.T) {
	p := newProvider(t, "a", "b")
	tok, at := fromProvider(t, p.URL)
	expect := func(kid string, want error, asked int32) {
		t.Helper()
		c, err := tok.Verify(issued(t, kid))
		if !errors.Is(err, want) || want == nil && c.Subject() != "42" {
			t.Errorf("kid %q: %v, %v; want %v", kid, c, err, want)
		}
		settled(tok.remote)
		if got := p.asked.Load(); got != asked {
			t.Errorf("kid %q: the provider was asked %d times; want %d", kid, got, asked)
		}
	}
	expect("a", nil, 1)
	expect("b", nil, 1)
	expect("", nil, 1)

	// A kid that is not there asks once in 30 seconds, however many come.
	for range 5 {
		expect("c", errKeyID, 1)
	}
	at.pass(keySetPause)
	for range 5 {
		expect("c", errKeyID, 2)
	}

	// A new key is found as soon as a token names it.
	p.publish("b", "c")
	at.pass(keySetPause)
	expect("c", nil, 3)
	expect("a", errKeyID, 3)

	// An old set is fetched anew behind the request that finds it old.
	p.publish("d")
	at.pass(keySetFresh)
	expect("b", nil, 4)
	expect("b", errKeyID, 4)
	expect("d", nil, 4)

	// While the provider is down the old set serves on, but not for ever.
	p.fails.Store(true)
	at.pass(keySetStale - time.Second)
	expect("d", nil, 5)
	at.pass(keySetPause)
	expect("d", errNoKeys, 6)
	p.fails.Store(false)
	at.pass(keySetPause)
	expect("d", nil, 7)
}

func TestWithoutKeysNothingPasses(t *testing.T) {
	p := newProvider(t, "a")
	p.fails.Store(true)
	tok, _ := fromProvider(t, p.URL)
	_, err := tok.Verify(issued(t, "a"))
	if e := problem.As(err); e.Rule != rule.TokenUnavailable || e.Retry == 0 {
		t.Errorf("Verify = %v; want %s with a time to try again", err, rule.TokenUnavailable)
	}
	if _, err := tok.Issue(nil); !errors.Is(err, ErrVerifyOnly) {
		t.Errorf("Issue = %v", err)
	}
}

// Many requests at once are one fetch.
func TestOneFetchForAll(t *testing.T) {
	hold, reached, p := make(chan struct{}), make(chan struct{}, 50), newProvider(t, "a")
	slow := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached <- struct{}{}
		<-hold
		p.Config.Handler.ServeHTTP(w, r)
	}))
	defer slow.Close()
	tok, _ := fromProvider(t, slow.URL)
	s := issued(t, "a")
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if _, err := tok.Verify(s); err != nil {
				t.Error(err)
			}
		})
	}
	<-reached
	close(hold)
	all.Wait()
	if got := p.asked.Load(); got != 1 {
		t.Errorf("the provider was asked %d times", got)
	}
}

// A key that is ours signs, and the provider's verify beside it.
func TestOwnAndFetchedKeys(t *testing.T) {
	p := newProvider(t, "a")
	tok, err := New(Config{Secret: []byte(goodSecret), JWKS: p.URL})
	if err != nil {
		t.Fatal(err)
	}
	tok.now = func() time.Time { return testNow }
	if _, err := tok.Verify(must(tok.Issue(nil))); err != nil || p.asked.Load() != 0 {
		t.Errorf("our own: %v, and the provider was asked %d times", err, p.asked.Load())
	}
	s := sign(t, jwt.SigningMethodES256, keys().ec["ES256"], map[string]any{"kid": "a"}, map[string]any{"exp": soon()})
	if _, err := tok.Verify(s); err != nil {
		t.Errorf("the provider's: %v", err)
	}
}

func TestWhatAProviderMayAnswer(t *testing.T) {
	p := newProvider(t, "a")
	set := p.set.Load().(string)
	secure := httptest.NewTLSServer(p.Config.Handler)
	defer secure.Close()
	to := func(url string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, url, http.StatusFound) }
	}
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(s)) }
	}
	for name, tt := range map[string]struct {
		answer http.HandlerFunc
		works  bool
	}{
		"a-set":                      {text(set), true},
		"a-redirect":                 {to(p.URL), true},
		"a-redirect-to-itself":       {to("/"), false},
		"a-redirect-to-other-scheme": {to(secure.URL), false},
		"a-redirect-beyond-loopback": {to("http://login.example/"), false},
		"a-redirect-to-a-file":       {to("file:///etc/passwd"), false},
		"an-endless-set":             {text(`{"a":"` + strings.Repeat("x", maxKeySet) + `",` + set[1:]), false},
		"an-empty-set":               {text(`{"keys":[]}`), false},
		"no-set":                     {text(`<html>`), false},
		"a-set-and-more":             {text(set + "{}"), false},
		"keys-twice":                 {text(`{"keys":[],` + set[1:]), false},
		"another-status":             {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(203); w.Write([]byte(set)) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			server := httptest.NewServer(tt.answer)
			defer server.Close()
			tok, _ := fromProvider(t, server.URL)
			_, err := tok.Verify(issued(t, "a"))
			if (err == nil) != tt.works || !tt.works && !errors.Is(err, errNoKeys) {
				t.Errorf("Verify = %v; want it to work: %v", err, tt.works)
			}
		})
	}
}
