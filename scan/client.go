// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

const (
	maxBody    = 256 << 10 // of an answer is read
	maxHeaders = 64 << 10
	maxHops    = 3 // redirects of the page
	maxFailing = 5 // answers of 500 and above in a row
)

var (
	errBudget  = errors.New("all requests are used up")
	errFailing = errors.New("the app answers nothing but errors of its own")
	errLimited = errors.New("the app limits the scan")
	errPublic  = errors.New("the address is public (hint: --i-own HOST, if it is yours)")
)

// client sends the requests of a scan, one at a time, and counts them.
type client struct {
	base      *url.URL // scheme and host of all that is relative
	transport *http.Transport
	trusted   x509.VerifyOptions
	agent     string
	timeout   time.Duration

	budget, sent int
	failing      int  // answers of 500 and above in a row
	limited      bool // a 429 that nobody asked for
}

func newClient(o Options, target *url.URL, budget int) (*client, error) {
	c := &client{
		base: &url.URL{Scheme: target.Scheme, Host: target.Host}, timeout: o.Timeout, budget: budget,
		agent: "panoply-scan/" + cmp.Or(o.Version, "dev") + " (+https://github.com/panoply-security/panoply)",
	}
	c.trusted.Roots = o.RootCAs // nil are the system's
	dialer := &net.Dialer{Timeout: o.Timeout}
	if o.From != nil {
		dialer.LocalAddr = &net.TCPAddr{IP: o.From}
	}
	if o.Active && !strings.EqualFold(o.Own, target.Hostname()) {
		dialer.Control = privateOnly
	}
	// The transport alone: a client would follow redirects, and fail at those it
	// cannot read.
	c.transport = &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Timeout,
		MaxResponseHeaderBytes: maxHeaders,
		MaxIdleConns:           2,
		IdleConnTimeout:        o.Timeout,
		// A wrong certificate is a finding, not the end: verify looks at it. Old
		// versions are spoken so that they can be told.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS10},
	}
	return c, nil
}

func (c *client) close() { c.transport.CloseIdleConnections() }

// privateOnly refuses to connect to what is neither this machine nor a private
// network, whatever name led there.
func privateOnly(_, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return err
	}
	ip := to.Addr().Unmap()
	// Link-local addresses are not among them: clouds keep their secrets there.
	if ip.IsLoopback() || ip.IsPrivate() || ip.IsUnspecified() {
		return nil
	}
	return fmt.Errorf("%w: %s", errPublic, ip)
}

// request is one request. Its target is a path with a query, sent as it stands, or a
// whole address.
type request struct {
	method, target string
	kind           string // content type
	body           []byte
	extra          http.Header // more headers
	token          string      // bearer token
	cookies        []*http.Cookie
	limit          int64 // bytes to read of the answer; 0 means 256 KiB
	provoked       bool  // a 429 or an error is what it asks for
}

func get(target string) request { return request{method: "GET", target: target} }

func postJSON(target, body string) request {
	return request{method: "POST", target: target, kind: "application/json", body: []byte(body)}
}

// answer is what came back, or why nothing did.
type answer struct {
	request
	url      *url.URL
	status   int
	header   http.Header
	content  []byte // at most as much as was asked for
	cut      bool   // there is more, or it ended early
	tls      *tls.ConnectionState
	verified error // what is wrong with the certificate
	took     time.Duration
	err      error
}

// from is the address that relative ones in the answer start at.
func (a answer) from() *url.URL {
	if a.url.Opaque == "" {
		return a.url
	}
	u, err := url.Parse(a.url.Scheme + "://" + a.url.Host + a.url.Opaque)
	if err != nil {
		return &url.URL{Scheme: a.url.Scheme, Host: a.url.Host, Path: "/"} // a wrong escape, sent on purpose
	}
	return u
}

func (a answer) ok() bool { return a.err == nil && a.status/100 == 2 }

// mediaType is the type without parameters, in lower case.
func (a answer) mediaType() string {
	kind, _, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		kind, _, _ = strings.Cut(a.header.Get("Content-Type"), ";")
	}
	return strings.ToLower(strings.TrimSpace(kind))
}

func (a answer) isPage() bool {
	kind := a.mediaType()
	return kind == "text/html" || kind == "application/xhtml+xml"
}

func (a answer) isJSON() bool {
	kind := a.mediaType()
	return kind == "application/json" || strings.HasSuffix(kind, "+json")
}

// line is the exchange in one line, for evidence.
func (a answer) line() string {
	if a.err != nil {
		return fmt.Sprintf("%s %s: no answer", a.method, a.target)
	}
	return fmt.Sprintf("%s %s: %d %s", a.method, a.target, a.status, a.header.Get("Content-Type"))
}

// do sends a request, unless the scan has to stop.
func (c *client) do(ctx context.Context, q request) answer {
	a := answer{request: q, header: http.Header{}}
	switch {
	case c.sent >= c.budget:
		a.err = errBudget
	case c.failing >= maxFailing:
		a.err = errFailing
	case c.limited:
		a.err = errLimited
	}
	if a.err != nil {
		return a
	}
	c.sent++
	started := time.Now()
	c.exchange(ctx, &a)
	a.took = time.Since(started)
	if q.provoked || a.err != nil {
		return a
	}
	if a.status >= 500 {
		c.failing++
	} else {
		c.failing = 0
	}
	c.limited = a.status == http.StatusTooManyRequests
	return a
}

func (c *client) exchange(ctx context.Context, a *answer) {
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var body io.Reader
	if a.body != nil {
		body = bytes.NewReader(a.body)
	}
	address := a.target
	if !strings.Contains(address, "://") {
		address = c.base.String() + "/"
	}
	r, err := http.NewRequestWithContext(ctx, a.method, address, body)
	if err != nil {
		a.err = err
		return
	}
	if address != a.target { // sent as it stands, wrong escapes included
		path, query, _ := strings.Cut(a.target, "?")
		r.URL.RawQuery = query
		if strings.HasPrefix(path, "//") {
			r.URL.Path = path
		} else {
			r.URL.Opaque = path
		}
	}
	a.url = r.URL
	for name, values := range a.extra {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", c.agent)
	if r.Header.Get("Accept") == "" {
		r.Header.Set("Accept", "text/html,application/json;q=0.9,*/*;q=0.8")
	}
	if a.kind != "" {
		r.Header.Set("Content-Type", a.kind)
	}
	if a.token != "" {
		r.Header.Set("Authorization", "Bearer "+a.token)
	}
	for _, k := range a.cookies {
		r.AddCookie(k)
	}
	response, err := c.transport.RoundTrip(r)
	if err != nil {
		a.err = err
		return
	}
	defer response.Body.Close()
	a.status, a.header, a.tls = response.StatusCode, response.Header, response.TLS
	if a.tls != nil {
		a.verified = c.verify(a.tls, r.URL.Hostname())
	}
	limit := cmp.Or(a.limit, maxBody)
	content, err := io.ReadAll(io.LimitReader(response.Body, limit+1))
	a.cut = err != nil || int64(len(content)) > limit
	a.content = content[:min(int64(len(content)), limit)]
}

// verify is what a browser would do with the certificate.
func (c *client) verify(state *tls.ConnectionState, host string) error {
	options := c.trusted
	options.DNSName = host
	options.Intermediates = x509.NewCertPool()
	if len(state.PeerCertificates) == 0 {
		return errors.New("there is no certificate")
	}
	for _, cert := range state.PeerCertificates[1:] {
		options.Intermediates.AddCert(cert)
	}
	_, err := state.PeerCertificates[0].Verify(options)
	return err
}
