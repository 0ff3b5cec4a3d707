// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"log"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// proxy sends what passed the suit to the app.
type proxy struct {
	suit      *panoply.Suit
	transport *http.Transport
	reverse   httputil.ReverseProxy
}

func newProxy(target *url.URL, suit *panoply.Suit) *proxy {
	p := &proxy{suit: suit, transport: newTransport()}
	p.reverse = httputil.ReverseProxy{
		Transport:    p.transport,
		Rewrite:      func(pr *httputil.ProxyRequest) { p.rewrite(pr, target) },
		ErrorHandler: p.failed,
		BufferPool:   &buffers{},
		ErrorLog:     log.New(quiet{}, "", 0), // causes reach the log through failed
	}
	return p
}

// newTransport is tuned for one app that is near: many idle connections, no
// compression of its own, no proxy from the environment.
func newTransport() *http.Transport {
	return &http.Transport{
		DialContext:            (&net.Dialer{Timeout: 5 * time.Second, KeepAlive: 30 * time.Second}).DialContext,
		TLSHandshakeTimeout:    5 * time.Second,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    512,
		IdleConnTimeout:        4 * time.Second, // Node closes idle connections after 5 s
		ResponseHeaderTimeout:  60 * time.Second,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true,
	}
}

func (p *proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if !p.suit.Trusted(r) {
		clientip.StripUntrusted(r.Header)
	}
	if r.Header.Get("Upgrade") != "" && !websocket(r) {
		// Another protocol would be a tunnel past every rule. The request goes
		// on without the offer, as RFC 9110 section 7.8 lets a server choose.
		r.Header.Del("Upgrade")
		r.Header.Del("Http2-Settings")
	}
	idle := guardBody(w, r)
	defer idle.done()
	p.reverse.ServeHTTP(w, r)
}

func websocket(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}

// rewrite makes the request for the app: same target, same Host, forwarding
// headers of our own making.
func (p *proxy) rewrite(pr *httputil.ProxyRequest, target *url.URL) {
	out, in := pr.Out, pr.In
	out.URL.Scheme, out.URL.Host = target.Scheme, target.Host
	out.URL.RawQuery = in.URL.RawQuery // as it was inspected, `;` and all
	out.Host = in.Host
	if p.suit.Trusted(in) {
		out.Header["X-Forwarded-For"] = in.Header["X-Forwarded-For"]
	}
	pr.SetXForwarded()
	if p.suit.TLS(in) {
		out.Header.Set("X-Forwarded-Proto", "https")
	}
	if in.Header.Get("User-Agent") == "" {
		out.Header.Set("User-Agent", "") // none, rather than Go's
	}
	if x := problem.From(in.Context()); x != nil {
		out.Header.Set("X-Request-Id", x.ID)
	}
}

// failed answers for an app that did not.
func (p *proxy) failed(w http.ResponseWriter, r *http.Request, err error) {
	var refused *problem.Error
	var timeout net.Error
	switch {
	case errors.As(err, &refused): // the body turned out too long or cut off
		problem.Write(w, r, refused)
	case errors.Is(err, context.Canceled) && r.Context().Err() != nil:
		panic(http.ErrAbortHandler) // the client is gone; nobody to answer
	case errors.As(err, &timeout) && timeout.Timeout():
		problem.Write(w, r, problem.Refuse(rule.UpstreamTimeout, "").Because(err))
	default:
		problem.Write(w, r, problem.Refuse(rule.UpstreamDown, "").Because(err))
	}
}

// buffers lends copy buffers to the proxy.
type buffers struct{ pool sync.Pool }

func (b *buffers) Get() []byte {
	if v := b.pool.Get(); v != nil {
		return *v.(*[]byte)
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.pool.Put(&buf) }

// quiet drops what httputil logs besides failed: copy errors of clients that
// went away.
type quiet struct{}

func (quiet) Write(b []byte) (int, error) { return len(b), nil }
