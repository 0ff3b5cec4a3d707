// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Answer is what came of one request.
type Answer struct {
	Refused bool     // by the guard, or by net/http before it
	Rule    string   // that refused it; empty when net/http did
	Found   []string // what handlers saw that they must not
	Fault   string   // of the oracle's own
}

// Peer is a server that is sent raw requests, on connections that are kept.
type Peer struct {
	addr string
	idle chan *conn
}

type conn struct {
	net.Conn
	r *bufio.Reader
}

// NewPeer is the server at a loopback address.
func NewPeer(addr string) *Peer { return &Peer{addr, make(chan *conn, 16)} }

// Close ends the connections that are idle.
func (p *Peer) Close() {
	for {
		select {
		case c := <-p.idle:
			c.Close()
		default:
			return
		}
	}
}

const patience = 20 * time.Second

// Send sends one request and reads what comes of it.
func (p *Peer) Send(r *Request) (Answer, error) {
	raw := r.Raw()
	for fresh := false; ; fresh = true {
		c, err := p.take(fresh)
		if err != nil {
			return Answer{}, err
		}
		c.SetDeadline(time.Now().Add(patience))
		answer, keep, err := c.talk(raw, r.Method)
		if err == nil && keep {
			select {
			case p.idle <- c:
			default:
				c.Close()
			}
			return answer, nil
		}
		c.Close()
		switch {
		case err == nil:
			return answer, nil
		case fresh && cut(err):
			return Answer{Refused: true, Rule: "the connection"}, nil
		case fresh:
			return answer, err
		}
	}
}

// cut reports whether a connection was closed from the other side. net/http does
// that without a word when a head is malformed and a body follows.
func cut(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}

// take returns an idle connection or a fresh one. An idle one may have been closed
// by the server since.
func (p *Peer) take(fresh bool) (*conn, error) {
	if !fresh {
		select {
		case c := <-p.idle:
			return c, nil
		default:
		}
	}
	c, err := net.DialTimeout("tcp", p.addr, patience)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReader(c)}, nil
}

func (c *conn) talk(raw []byte, method string) (a Answer, keep bool, err error) {
	sent := make(chan struct{})
	go func() { // a refusal may come before the body was taken
		c.Write(raw)
		close(sent)
	}()
	defer func() {
		if !keep {
			c.Close()
		}
		<-sent
	}()
	resp, err := http.ReadResponse(c.r, &http.Request{Method: method})
	if err != nil {
		return a, false, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return a, false, err
	}
	keep = !resp.Close && c.r.Buffered() == 0
	switch {
	case resp.StatusCode == 200 && resp.Header.Get("Content-Type") == "application/vnd.oracle+json":
		err = json.Unmarshal(body, &a)
	case resp.StatusCode == http.StatusBadGateway: // Node hangs up on a head that it does not take
		a.Refused, a.Rule = true, "the app"
	case resp.StatusCode >= 400 && resp.StatusCode < 500:
		a.Refused = true
		var problem struct{ Type string }
		if json.Unmarshal(body, &problem) == nil {
			a.Rule = strings.TrimPrefix(problem.Type, "urn:panoply:")
		}
	default:
		err = fmt.Errorf("status %d: %.200q", resp.StatusCode, body)
	}
	return a, keep, err
}

// Finding is a request that shows a fault.
type Finding struct {
	Number  uint64
	Profile string
	Request *Request
	Why     string
}

func (f Finding) String() string {
	return fmt.Sprintf("request %d, profile %s: %s\n%s", f.Number, f.Profile, f.Why, quote(f.Request.Raw()))
}

// quote spells raw bytes a line each, as Go does.
func quote(raw []byte) string {
	var b strings.Builder
	for line := range bytes.Lines(raw) {
		if len(line) > 2000 {
			fmt.Fprintf(&b, "\t%q… (%d bytes)\n", line[:2000], len(line))
			continue
		}
		fmt.Fprintf(&b, "\t%q\n", line)
	}
	return b.String()
}

// Tally is what a run has come to.
type Tally struct {
	Made, Reached, Refused, Dangerous, Asked int64
	Findings                                 []Finding
}

// Run is one run.
type Run struct {
	Seed     uint64
	Guards   map[string]*Peer // by profile
	Oracle   *Peer
	Recorded []*Request
	// AskAlso has one in so many refused requests read by the oracle as well, to
	// learn how many would have done harm; 0 asks about none.
	AskAlso uint64
	// Most ends the run when there are so many findings.
	Most int
	// Enough ends the run. It is asked before each request.
	Enough func(t *Tally) bool

	next atomic.Uint64
	mu   sync.Mutex
	t    Tally
}

// Go makes requests on several connections at once until there are enough, or too
// many findings to go on.
func (r *Run) Go(ctx context.Context, workers int) (Tally, error) {
	var all sync.WaitGroup
	var failed atomic.Pointer[error]
	for range workers {
		all.Go(func() {
			for failed.Load() == nil && ctx.Err() == nil && r.wantsMore() {
				if err := r.one(r.next.Add(1) - 1); err != nil {
					failed.CompareAndSwap(nil, &err)
				}
			}
		})
	}
	all.Wait()
	if err := failed.Load(); err != nil {
		return r.t, *err
	}
	return r.t, ctx.Err()
}

func (r *Run) wantsMore() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.t.Findings) < r.Most && !r.Enough(&r.t)
}

func (r *Run) one(number uint64) error {
	req := Make(r.Seed, number, r.Recorded)
	for profile, guard := range r.Guards {
		a, err := guard.Send(req)
		if err != nil {
			return fmt.Errorf("request %d through profile %s: %w\n%s", number, profile, err, quote(req.Raw()))
		}
		if a.Fault != "" {
			return fmt.Errorf("request %d: the oracle: %s\n%s", number, a.Fault, quote(req.Raw()))
		}
		dangerous, asked := false, false
		if a.Refused && r.AskAlso > 0 && number%r.AskAlso == 0 {
			direct, err := r.Oracle.Send(req)
			asked = err == nil && !direct.Refused && direct.Fault == ""
			dangerous = asked && len(direct.Found) > 0
		}
		why := judge(req, a)
		if why != "" {
			req = shrink(req, func(smaller *Request) bool {
				a, err := guard.Send(smaller)
				return err == nil && judge(smaller, a) != ""
			})
			if a, err = guard.Send(req); err == nil {
				why = judge(req, a)
			}
		}
		r.note(a, asked, dangerous, why, Finding{number, profile, req, why})
	}
	return nil
}

// judge tells what is wrong with an answer, or "".
func judge(r *Request, a Answer) string {
	switch {
	case len(a.Found) > 0:
		return "a handler would see " + strings.Join(a.Found, "; ")
	case a.Refused && r.Ordinary:
		return "an ordinary request is refused: " + a.Rule
	}
	return ""
}

func (r *Run) note(a Answer, asked, dangerous bool, why string, f Finding) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.t.Made++
	if a.Refused {
		r.t.Refused++
	} else {
		r.t.Reached++
	}
	if asked {
		r.t.Asked++
	}
	if dangerous {
		r.t.Dangerous++
	}
	if why != "" {
		r.t.Findings = append(r.t.Findings, f)
	}
}

// shrink makes a request smaller as long as it still shows the fault.
func shrink(r *Request, shows func(*Request) bool) *Request {
	tries := 0
	try := func(smaller Request) bool {
		if tries++; tries > 400 || !shows(&smaller) {
			return false
		}
		r = &smaller
		return true
	}
	if r.Chunked {
		plain := *r
		plain.Chunked = false
		try(plain)
	}
	for i := 0; i < len(r.Headers); {
		fewer := *r
		fewer.Headers = append(append([][2]string(nil), r.Headers[:i]...), r.Headers[i+1:]...)
		if !try(fewer) {
			i++
		}
	}
	if r.Ordinary {
		return r // cut in the middle it would not be
	}
	for size := len(r.Body) / 2; size > 0; size /= 2 {
		for at := 0; at+size <= len(r.Body); {
			fewer := *r
			fewer.Body = append(bytes.Clone(r.Body[:at]), r.Body[at+size:]...)
			if !try(fewer) {
				at += size
			}
		}
	}
	for size := (len(r.Target) - 1) / 2; size > 0; size /= 2 {
		for at := 1; at+size <= len(r.Target); {
			fewer := *r
			fewer.Target = r.Target[:at] + r.Target[at+size:]
			if !try(fewer) {
				at += size
			}
		}
	}
	return r
}
