// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// played is a transport that does as it is told.
type played struct {
	name string
	do   func(r *http.Request) (*http.Response, error)
	got  *[]string // the names of those asked
}

func (p *played) RoundTrip(r *http.Request) (*http.Response, error) {
	*p.got = append(*p.got, p.name)
	if p.do == nil {
		return fine(), nil
	}
	return p.do(r)
}

func (*played) CloseIdleConnections() {}

// fine is an answer with a body, so that it is open until it is closed.
func fine() *http.Response {
	return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(strings.NewReader("x"))}
}

// play is a set of servers a, b and so on, and who was asked.
func play(t *testing.T, policy string, do ...func(r *http.Request) (*http.Response, error)) (s *Set, asked *[]string) {
	s = made(t, policy, nil)
	asked = new([]string)
	for i, one := range s.groups[0].servers {
		p := &played{name: string(rune('a' + i)), got: asked}
		if i < len(do) {
			p.do = do[i]
		}
		one.transport = p
	}
	return s, asked
}

const three = "upstreams: [{servers: ['http://a', 'http://b', 'http://c']}]"

func get(t *testing.T, s *Set) *http.Response {
	t.Helper()
	res, err := s.RoundTrip(httptest.NewRequest("GET", "/", nil))
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestTurns(t *testing.T) {
	s, asked := play(t, three)
	for range 6 {
		get(t, s).Body.Close()
	}
	if got := strings.Join(*asked, ""); got != "bcabca" {
		t.Errorf("asked %s", got)
	}
}

// The server with the fewest open requests is next: those are open until their answers end.
func TestLeastConnections(t *testing.T) {
	s, asked := play(t, "upstreams: [{servers: ['http://a', 'http://b', 'http://c'], balance: least_connections}]")
	var open []*http.Response
	for range 3 {
		open = append(open, get(t, s))
	}
	open[1].Body.Close()
	open[1].Body.Close() // twice is once
	for range 2 {
		open = append(open, get(t, s)) // the first is the one that is free
	}
	if got := *asked; len(got) != 5 || got[0] == got[1] || got[1] == got[2] || got[0] == got[2] || got[3] != got[1] {
		t.Errorf("asked %v", got)
	}
	for _, res := range open {
		res.Body.Close()
	}
	for _, stat := range s.Stats() {
		if stat.Open != 0 {
			t.Errorf("after all have ended: %v", stat)
		}
	}
}

type slow struct{}

func (slow) Error() string   { return "slow" }
func (slow) Timeout() bool   { return true }
func (slow) Temporary() bool { return false }

var _ net.Error = slow{}

// Another server gets a request where the first cannot have seen it, or where seeing it
// twice does no harm; never otherwise.
func TestFailover(t *testing.T) {
	broken := errors.New("broken")
	never := func(*http.Request) (*http.Response, error) { return nil, &NotSent{broken} }
	fail := func(err error) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) { return nil, err }
	}
	reads := func(r *http.Request) (*http.Response, error) {
		io.CopyN(io.Discard, r.Body, 1)
		return nil, broken
	}
	closes := func(r *http.Request) (*http.Response, error) {
		r.Body.Close() // as net/http does
		return nil, &NotSent{broken}
	}
	for name, tt := range map[string]struct {
		method, body string
		do           func(*http.Request) (*http.Response, error)
		tries        int
	}{
		"get-not-sent":         {"GET", "", never, 3},
		"get-broken":           {"GET", "", fail(broken), 3},
		"head-broken":          {"HEAD", "", fail(broken), 3},
		"options-broken":       {"OPTIONS", "", fail(broken), 3},
		"get-slow":             {"GET", "", fail(slow{}), 1},
		"get-slow-to-connect":  {"GET", "", fail(&NotSent{slow{}}), 3},
		"get-body-broken":      {"GET", "x", fail(broken), 1},
		"post-not-sent":        {"POST", "", never, 3},
		"post-body-not-sent":   {"POST", "x", closes, 3},
		"post-broken":          {"POST", "", fail(broken), 1},
		"delete-broken":        {"DELETE", "", fail(broken), 1},
		"put-broken":           {"PUT", "", fail(broken), 1},
		"post-body-half-sent":  {"POST", "xyz", reads, 1},
		"post-body-not-begun":  {"POST", "xyz", fail(broken), 1},
		"tells-but-had-begun":  {"POST", "xyz", func(r *http.Request) (*http.Response, error) { reads(r); return nil, &NotSent{broken} }, 1},
		"nothing-fails-at-all": {"POST", "xyz", func(r *http.Request) (*http.Response, error) { return fine(), nil }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			s, asked := play(t, "upstreams: [{servers: ['http://a', 'http://b', 'http://c', 'http://d']}]", tt.do, tt.do, tt.do, tt.do)
			r := httptest.NewRequest(tt.method, "/", nil)
			if tt.body != "" {
				r = httptest.NewRequest(tt.method, "/", strings.NewReader(tt.body))
			}
			res, err := s.RoundTrip(r)
			if (err != nil) == strings.HasPrefix(name, "nothing") {
				t.Fatal(res, err)
			}
			seen := map[string]bool{}
			for _, name := range *asked {
				seen[name] = true
			}
			if len(*asked) != tt.tries || len(seen) != tt.tries {
				t.Errorf("asked %v; want %d", *asked, tt.tries)
			}
		})
	}
}

// The body arrives whole at the server that takes the request in the end.
func TestFailoverWithABody(t *testing.T) {
	down := func(r *http.Request) (*http.Response, error) {
		r.Body.Close()
		return nil, &NotSent{errors.New("refused")}
	}
	got := ""
	s, _ := play(t, three, func(r *http.Request) (*http.Response, error) {
		b, err := io.ReadAll(r.Body)
		got = string(b) + " " + r.URL.Host
		return fine(), err
	}, down, down)
	for range 3 {
		r := httptest.NewRequest("POST", "/", strings.NewReader("hello"))
		if _, err := s.RoundTrip(r); err != nil || got != "hello a" {
			t.Errorf("got %q, %v", got, err)
		}
		got = ""
	}
}

// A client that is gone, or whose body fails, says nothing about the server.
func TestTheClientsDoing(t *testing.T) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	s, asked := play(t, three,
		func(r *http.Request) (*http.Response, error) { return nil, gone.Err() },
		func(r *http.Request) (*http.Response, error) { _, err := io.ReadAll(r.Body); return nil, err })
	s.groups[0].servers = s.groups[0].servers[:1]
	for range 5 {
		s.RoundTrip(httptest.NewRequest("GET", "/", nil).WithContext(gone))
	}
	s.groups[0].servers = s.groups[0].servers[:2][1:]
	for range 5 {
		s.RoundTrip(httptest.NewRequest("POST", "/", io.MultiReader(strings.NewReader("x"), broken{})))
	}
	if len(*asked) == 0 {
		t.Fatal("nobody was asked")
	}
	for _, stat := range s.Stats() {
		if stat.Failures > 0 || !stat.Up || stat.Open != 0 {
			t.Errorf("got %v", stat)
		}
	}
}

type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, errors.New("the client broke off") }

// Three failures leave a server out while there are others; the last ones are tried all
// the same, and one that answers is in again.
func TestWhatFailsIsLeftOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ill := true
		fails := func(r *http.Request) (*http.Response, error) {
			if ill {
				return nil, &NotSent{errors.New("refused")}
			}
			return fine(), nil
		}
		s, asked := play(t, "upstreams: [{servers: ['http://a', 'http://b']}]", fails)
		count := func(name string, requests int) (n int) {
			*asked = nil
			for range requests {
				get(t, s).Body.Close()
			}
			for _, a := range *asked {
				if a == name {
					n++
				}
			}
			return n
		}
		if n := count("a", 20); n != ejectAfter {
			t.Errorf("a failing server was asked %d times", n)
		}
		if st := s.Stats(); st[0].Up || !st[1].Up || st[0].Failures != ejectAfter {
			t.Errorf("stats are %v", st)
		}
		time.Sleep(ejectFor + 1)
		if n := count("a", 20); n != 1 {
			t.Errorf("after its time it was asked %d times; want one failure to do", n)
		}
		time.Sleep(ejectFor + 1)
		ill = false
		if n := count("a", 20); n != 10 {
			t.Errorf("well again, it was asked %d times of 20", n)
		}
	})
}

func TestTheLastOnesAreTriedAllTheSame(t *testing.T) {
	ill := true
	fails := func(r *http.Request) (*http.Response, error) {
		if ill {
			return nil, errors.New("reset")
		}
		return fine(), nil
	}
	s, asked := play(t, three, fails, fails, fails)
	for range 10 {
		s.RoundTrip(httptest.NewRequest("POST", "/", nil))
	}
	for _, st := range s.Stats() {
		if st.Up {
			t.Errorf("stats are %v", st)
		}
	}
	if ill = false; len(*asked) != 10 {
		t.Errorf("asked %v", *asked)
	}
	for range 3 {
		get(t, s).Body.Close() // at once
	}
}

// The first check decides alone, later ones in a row.
func TestChecks(t *testing.T) {
	for name, tt := range map[string]struct {
		checks string // w for well, i for ill
		down   bool
	}{
		"nothing-yet":    {"", false},
		"first-well":     {"w", false},
		"first-ill":      {"i", true},
		"two-ill":        {"wii", false},
		"three-ill":      {"wiii", true},
		"not-in-a-row":   {"wiiwii", false},
		"one-well":       {"wiiiw", true},
		"two-well":       {"wiiiww", false},
		"not-in-a-row-2": {"wiiiwiw", true},
		"again":          {"iwwiii", true},
	} {
		t.Run(name, func(t *testing.T) {
			s := made(t, "upstreams: [{servers: ['http://a'], health: {path: /}}]", nil).groups[0].servers[0]
			for _, c := range tt.checks {
				var err error
				if c == 'i' {
					err = errNoHTTP2
				}
				s.checked(err)
			}
			if down, _ := s.state(); down != tt.down {
				t.Errorf("got %v", down)
			}
		})
	}
}

// Where the checks say that all are down nobody is asked, and the answer says when to come again.
func TestAllDown(t *testing.T) {
	s, asked := play(t, "upstreams: [{servers: ['http://a', 'http://b'], health: {path: /, interval: 7s}}]")
	for _, one := range s.groups[0].servers {
		one.checked(errNoHTTP2)
	}
	_, err := s.RoundTrip(httptest.NewRequest("GET", "/", nil))
	if e := problem.As(err); e.Rule != rule.UpstreamFull || e.Retry != 7*time.Second || len(*asked) > 0 {
		t.Errorf("got %v, %v; asked %v", err, e.Retry, *asked)
	}
	lone := s.groups[0].servers[0]
	lone.checked(nil)
	lone.checked(nil)
	get(t, s).Body.Close()
}

// A server gets as many requests at once as it may; as many as the queue has room for wait, and
// the rest is told to come again.
func TestQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, _ := play(t, "upstreams: [{servers: ['http://a'], max_requests: 2, max_queue: 1}]")
		first, second := get(t, s), get(t, s)
		third := make(chan error, 1)
		go func() {
			res, err := s.RoundTrip(httptest.NewRequest("GET", "/", nil))
			if err == nil {
				res.Body.Close()
			}
			third <- err
		}()
		synctest.Wait()
		if n := s.Stats()[0].Waiting; n != 1 {
			t.Errorf("%d wait", n)
		}
		_, err := s.RoundTrip(httptest.NewRequest("GET", "/", nil))
		if e := problem.As(err); e.Rule != rule.UpstreamFull || e.Retry == 0 {
			t.Errorf("got %v", err)
		}
		first.Body.Close()
		if err := <-third; err != nil {
			t.Errorf("who waited got %v", err)
		}
		first = get(t, s)
		// Nobody waits for ever, nor after its client has gone.
		_, err = s.RoundTrip(httptest.NewRequest("GET", "/", nil))
		if e := problem.As(err); e.Rule != rule.UpstreamFull {
			t.Errorf("got %v", err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err = s.RoundTrip(httptest.NewRequest("GET", "/", nil).WithContext(ctx)); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		first.Body.Close()
		second.Body.Close()
		if st := s.Stats()[0]; st.Waiting != 0 || st.Open != 0 || st.Failures != 0 {
			t.Errorf("in the end: %v", st)
		}
	})
}

// Of several servers, one with room is asked.
func TestFullServersAreLeftOut(t *testing.T) {
	s, asked := play(t, "upstreams: [{servers: ['http://a', 'http://b'], max_requests: 2}]")
	for range 4 {
		get(t, s)
	}
	if got := strings.Join(*asked, ""); strings.Count(got, "a") != 2 {
		t.Errorf("asked %s", got)
	}
}
