// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/guard/forward"
	"github.com/panoply-security/panoply/guard/learn"
	"github.com/panoply-security/panoply/guard/upstream"
	"github.com/panoply-security/panoply/guard/watch"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// proxy sends what passed the suit to the app.
type proxy struct {
	suit      *panoply.Suit
	log       *slog.Logger
	upstreams *upstream.Set
	secret    secretHeader
	forward   forward.Handler
	reverse   httputil.ReverseProxy // for upgrades, and for transports that keep a request
	nonces    *nonces
	learner   *learn.Learner
	client    learn.Client
	watcher   *watch.Watcher
	upgrades  *sync.WaitGroup // under way
}

func newProxy(g *Guard, upstreams *upstream.Set, secret secretHeader) *proxy {
	p := &proxy{suit: g.suit, log: g.log, upstreams: upstreams, secret: secret,
		nonces: &nonces{suit: g.suit, log: g.log}, learner: g.learner, client: clientOf(g.suit), watcher: g.watcher, upgrades: g.upgrades}
	p.forward = forward.Handler{
		Transport:      g.metrics.timed(upstreams),
		Rewrite:        p.rewrite,
		ModifyResponse: p.answered,
		ErrorHandler:   p.failed,
		Broken:         p.broken,
	}
	p.reverse = httputil.ReverseProxy{
		Transport:      p.forward.Transport,
		Rewrite:        p.rewrite,
		ModifyResponse: p.relayed,
		ErrorHandler:   p.failed,
		BufferPool:     &buffers{},
		ErrorLog:       log.New(io.Discard, "", 0), // failed and broken tell more
	}
	return p
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	bodyGoesOn(r.Context())
	if !wantsWebSocket(r) {
		p.forward.ServeHTTP(w, r)
		return
	}
	p.upgrades.Add(1)
	defer p.upgrades.Done()
	reverse := p.reverse
	reverse.ModifyResponse = func(res *http.Response) error { return p.switched(w, res) }
	reverse.ServeHTTP(w, r)
}

// wantsWebSocket reports whether a request asks for a WebSocket, in the one form
// that RFC 6455 has for it. Any other protocol would be a tunnel past every
// rule; such requests go on without the offer, as RFC 9110 section 7.8 lets a
// server choose.
func wantsWebSocket(r *http.Request) bool {
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && r.ContentLength == 0 &&
		len(r.Header["Upgrade"]) == 1 && strings.EqualFold(r.Header["Upgrade"][0], "websocket") &&
		slices.ContainsFunc(r.Header["Connection"], namesUpgrade)
}

// namesUpgrade reports whether a line of Connection names Upgrade.
func namesUpgrade(line string) bool {
	for option := range strings.SplitSeq(line, ",") {
		if strings.EqualFold(strings.Trim(option, " \t"), "upgrade") {
			return true
		}
	}
	return false
}

// rewrite makes the request for the app: same target, same Host, forwarding
// headers of our own making.
func (p *proxy) rewrite(pr *httputil.ProxyRequest) {
	out, in := pr.Out, pr.In
	out.URL.Opaque = ""
	out.URL.RawPath = samePath(in.URL)
	out.URL.RawQuery = in.URL.RawQuery // as it was inspected, `;` and all
	out.Host = in.Host
	out.Trailer = nil
	if form, ok := in.Body.(streamed); ok {
		out.Body = form
	}

	h := out.Header
	if !wantsWebSocket(in) {
		h.Del("Connection")
		h.Del("Upgrade")
	}
	h.Del("Http2-Settings")
	h.Del("Expect") // the body was asked for already
	x := problem.From(in.Context())
	if !p.suit.Trusted(in) {
		clientip.StripUntrusted(h)
	} else {
		readsRealIP := len(h["X-Real-Ip"]) > 0
		clientip.StripUnread(h)
		if client := x.Client.String(); x.Client.IsValid() {
			if peer, _, err := net.SplitHostPort(in.RemoteAddr); err == nil && client != peer {
				h["X-Forwarded-For"] = []string{client}
			}
			if readsRealIP {
				h["X-Real-Ip"] = []string{client}
			}
		}
	}
	pr.SetXForwarded()
	if _, _, err := net.SplitHostPort(in.RemoteAddr); err != nil && x.Client.IsValid() {
		h["X-Forwarded-For"] = []string{x.Client.String()} // a Unix socket's other side has no address
	}
	if p.suit.TLS(in) {
		h.Set("X-Forwarded-Proto", "https")
	}
	h.Set("X-Request-Id", x.ID)
	p.secret.set(h)
	p.learner.Ask(in, h)
	p.nonces.ask(in, h)
}

// streamed is a form that is judged while it goes on (upload.Stream). It may be closed
// at any time, and gives itself out in large pieces, which what httputil puts around a
// body would hide.
type streamed interface {
	io.ReadCloser
	io.WriterTo
	ContentType() string
}

// samePath spells the path for the app: as it came, but that bytes which a
// target must not have are escaped. The standard library would unescape %2F in
// such a path, which makes another one of it.
func samePath(u *url.URL) string {
	if u.RawPath == "" || u.EscapedPath() == u.RawPath {
		return u.RawPath
	}
	var b strings.Builder
	for i := range len(u.RawPath) {
		if c := u.RawPath[i]; inPath(c) {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// inPath reports whether a byte may stand in a path: RFC 3986's pchar, the
// slash, and the brackets that browsers leave as they are.
func inPath(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~%!$&'()*+,;=:@/[]", c) >= 0
}

var errUpgrade = errors.New("the app switched protocols, which nobody asked for")

// answered looks at an answer before it goes back. Its error is a 502.
func (p *proxy) answered(res *http.Response) error {
	p.watcher.Answered(res)
	p.learner.Answered(res, p.client)
	p.nonces.answered(res)
	return nil
}

// relayed is answered, where ReverseProxy passes the answer on.
func (p *proxy) relayed(res *http.Response) error {
	switch {
	case res.StatusCode == http.StatusSwitchingProtocols:
		return errUpgrade
	case res.StatusCode < 200:
		return fmt.Errorf("the app answered with status %d", res.StatusCode)
	case res.Body != http.NoBody:
		res.Body = &watched{res.Body, p, res.Request}
	}
	return p.answered(res)
}

// switched has the suit see the headers of an upgrade before they leave, as
// httputil would add them only afterwards.
func (p *proxy) switched(w http.ResponseWriter, res *http.Response) error {
	if res.StatusCode != http.StatusSwitchingProtocols {
		return p.relayed(res)
	}
	if !strings.EqualFold(res.Header.Get("Upgrade"), "websocket") {
		return errUpgrade
	}
	for name, values := range res.Header {
		if name != "Connection" && name != "Upgrade" {
			w.Header()[name] = values
			delete(res.Header, name)
		}
	}
	return nil
}

// failed answers for an app that did not.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	var refused *problem.Error
	var timeout net.Error
	switch {
	case errors.As(err, &refused): // the body turned out too long, or the app's servers are busy
		problem.Write(w, r, refused)
	case bodyFault(r.Context()) != nil: // net/http may tell of it as a client that is gone
		problem.Write(w, r, bodyFault(r.Context()))
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // the client is gone; nobody to answer
	case errors.As(err, &timeout) && timeout.Timeout():
		problem.Write(w, r, problem.Refuse(rule.UpstreamTimeout, "").Because(err))
	default:
		problem.Write(w, r, problem.Refuse(rule.UpstreamDown, "").Because(err))
	}
}

// broken logs an answer that the app breaks off. Its header has left, so
// that the client can only be told by a broken connection.
func (p *proxy) broken(r *http.Request, err error) {
	if r.Context().Err() == nil {
		p.log.LogAttrs(r.Context(), slog.LevelError, "answer broken off", slog.String("rule", string(rule.UpstreamDown)),
			slog.String("method", r.Method), slog.String("id", problem.ID(r.Context())), slog.String("cause", err.Error()))
	}
}

// watched tells of an answer that breaks off, where ReverseProxy reads it.
type watched struct {
	io.ReadCloser
	p *proxy
	r *http.Request
}

func (b *watched) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil && err != io.EOF {
		b.p.broken(b.r, err)
	}
	return n, err
}

// buffers lends copy buffers to the proxy.
type buffers struct{ pool sync.Pool }

const copyBuffer = 32 << 10

func (b *buffers) Get() []byte {
	if v, ok := b.pool.Get().(*[copyBuffer]byte); ok {
		return v[:]
	}
	return make([]byte, copyBuffer)
}

func (b *buffers) Put(buf []byte) { b.pool.Put((*[copyBuffer]byte)(buf)) }
