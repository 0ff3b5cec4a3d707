// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply/guard/http1"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// maxTries is how many servers a request is offered to.
const maxTries = 3

// group is some servers of the same app.
type group struct {
	servers  []*server
	hosts    []string
	patterns bool // it is for some routes alone
	least    bool
	ownHost  bool
	http2    bool
	turn     atomic.Uint32
}

// has reports whether the group is for a host.
func (g *group) has(host string) bool {
	return len(g.hosts) == 0 || slices.ContainsFunc(g.hosts, func(h string) bool {
		if below, ok := strings.CutPrefix(h, "*"); ok {
			return len(host) > len(below) && strings.EqualFold(host[len(host)-len(below):], below)
		}
		return strings.EqualFold(h, host)
	})
}

// roundTrip sends a request to one of the group's servers, and to another one where that
// is safe.
func (g *group) roundTrip(r *http.Request) (*http.Response, error) {
	if g.http2 && len(r.Header["Upgrade"]) > 0 { // which no server is to blame for
		return nil, problem.Refuse(rule.RequestUpgrade, "WebSockets are not served here.")
	}
	var room [maxTries]*server
	tried := room[:0]
	body := r.Body
	for {
		s, soon := g.pick(tried)
		if s == nil {
			e := problem.Refuse(rule.UpstreamFull, "")
			e.Retry = soon
			return nil, e
		}
		ok, err := s.acquire(r.Context())
		if err != nil {
			return nil, err
		}
		if !ok {
			e := problem.Refuse(rule.UpstreamFull, "")
			e.Retry = time.Second
			return nil, e
		}
		to := s.endpoint.URL
		r.URL.Scheme, r.URL.Host = to.Scheme, to.Host
		if g.ownHost {
			r.Host = to.Host
		}
		var sent *lentBody
		if body != nil && body != http.NoBody {
			r.Body, sent = lend(body)
		}
		s.open.Add(1)
		res, err := s.transport.RoundTrip(r)
		if err == nil {
			s.succeeded()
			s.until(res)
			return res, nil
		}
		s.open.Add(-1)
		s.release()
		if r.Context().Err() != nil || sent != nil && sent.failed() { // the client's doing
			return nil, err
		}
		if errors.Is(err, http1.ErrRequest) { // HTTP/2 lets spaces into a target
			return nil, problem.Refuse(rule.RequestHeader, "The request cannot be written in HTTP/1.1.").Because(err)
		}
		s.failedWith(r.Context(), err, time.Now())
		if tried = append(tried, s); len(tried) == min(maxTries, len(g.servers)) || !again(r, sent, err) {
			return nil, err
		}
		if next, _ := g.pick(tried); next == nil {
			return nil, err
		}
		url, fresh := *r.URL, *r // what has failed may still look at its own
		fresh.URL = &url
		r = &fresh
	}
}

// again reports whether another server may have the request that one has failed.
func again(r *http.Request, sent *lentBody, err error) bool {
	if sent != nil && sent.begun() {
		return false
	}
	var not *NotSent
	if errors.As(err, &not) {
		return true
	}
	var slow net.Error
	if sent != nil || errors.As(err, &slow) && slow.Timeout() {
		return false
	}
	return r.Method == http.MethodGet || r.Method == http.MethodHead || r.Method == http.MethodOptions
}

// pick chooses the next server, but for those tried. Without one it tells when there may be
// one again.
func (g *group) pick(tried []*server) (s *server, soon time.Duration) {
	if len(g.servers) == 1 && len(tried) == 0 && g.servers[0].health.Path == "" {
		return g.servers[0], 0
	}
	now := time.Now()
	turn := int(g.turn.Add(1) % uint32(len(g.servers)))
	var best, last *server // last of those that have failed: who did so first is next
	var until time.Time
	bestOpen, bestFull := int64(0), false
	for i := range g.servers {
		s := g.servers[(turn+i)%len(g.servers)]
		if slices.Contains(tried, s) {
			continue
		}
		down, ejected := s.state()
		if down {
			if soon == 0 || s.health.Interval < soon {
				soon = s.health.Interval
			}
			continue
		}
		if now.Before(ejected) {
			if last == nil || ejected.Before(until) {
				last, until = s, ejected
			}
			continue
		}
		open, full := s.open.Load(), s.full()
		if best == nil || bestFull && !full || full == bestFull && g.least && open < bestOpen {
			best, bestOpen, bestFull = s, open, full
		}
		if !g.least && !full {
			break
		}
	}
	if best == nil {
		best = last
	}
	return best, soon
}

// until keeps the server's slot until the answer has ended, and counts what is open.
func (s *server) until(res *http.Response) {
	if conn, ok := res.Body.(io.ReadWriteCloser); ok && res.StatusCode == http.StatusSwitchingProtocols {
		s.release()
		res.Body = &openConn{ReadWriteCloser: conn, server: s}
		return
	}
	if res.Body == http.NoBody {
		s.open.Add(-1)
		s.release()
		return
	}
	open := &openBody{ReadCloser: res.Body, server: s}
	res.Body = open
	if own, ok := open.ReadCloser.(interface{ Ready() bool }); ok {
		res.Body = readyBody{open, own}
	}
}

// readyBody is one that tells whether a read has to wait.
type readyBody struct {
	*openBody
	own interface{ Ready() bool }
}

func (b readyBody) Ready() bool { return b.own.Ready() }

// openBody is an answer under way.
type openBody struct {
	io.ReadCloser
	server *server
	closed atomic.Bool
}

func (b *openBody) Close() error {
	if !b.closed.Swap(true) {
		b.server.open.Add(-1)
		b.server.release()
	}
	return b.ReadCloser.Close()
}

// openConn is a WebSocket.
type openConn struct {
	io.ReadWriteCloser
	server *server
	closed atomic.Bool
}

func (c *openConn) Close() error {
	if !c.closed.Swap(true) {
		c.server.open.Add(-1)
	}
	return c.ReadWriteCloser.Close()
}

// CloseWrite tells the app that no more comes.
func (c *openConn) CloseWrite() error {
	if half, ok := c.ReadWriteCloser.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return c.ReadWriteCloser.Close()
}

// lentBody is a request's body for one try. A transport closes the body of what it could
// not send; whoever has made the request closes this one.
type lentBody struct {
	from   io.ReadCloser
	read   atomic.Bool
	closed atomic.Bool
	err    atomic.Bool // other than the end
}

// lend lends a body, as one that writes itself if it is one.
func lend(body io.ReadCloser) (io.ReadCloser, *lentBody) {
	b := &lentBody{from: body}
	if to, ok := body.(io.WriterTo); ok {
		return lentWriter{b, to}, b
	}
	return b, b
}

// lentWriter is a body that writes itself.
type lentWriter struct {
	*lentBody
	to io.WriterTo
}

// WriteTo writes what there is. An error of the one that it is written to is not the body's.
func (b lentWriter) WriteTo(w io.Writer) (int64, error) {
	b.read.Store(true)
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	noted := &notedWriter{Writer: w}
	n, err := b.to.WriteTo(noted)
	if err != nil && !noted.failed {
		b.err.Store(true)
	}
	return n, err
}

type notedWriter struct {
	io.Writer
	failed bool
}

func (w *notedWriter) Write(p []byte) (int, error) {
	n, err := w.Writer.Write(p)
	if err != nil {
		w.failed = true
	}
	return n, err
}

func (b *lentBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.from.Read(p)
	if err != nil && err != io.EOF {
		b.err.Store(true)
	}
	return n, err
}

func (b *lentBody) Close() error {
	b.closed.Store(true)
	return nil
}

func (b *lentBody) begun() bool  { return b.read.Load() }
func (b *lentBody) failed() bool { return b.err.Load() }
