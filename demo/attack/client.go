// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

const (
	maxRequests    = 400
	maxAnswer      = 64 << 10
	requestTimeout = 20 * time.Second
	maxHops        = 3
	userAgent      = "panoply-demo-attack"
)

var errBudget = errors.New("attack: all 400 requests are used up")

// client sends the requests of a run and counts them.
type client struct {
	base     *url.URL
	http     *http.Client
	requests int

	// hops says that the target is on a loopback address and that this system
	// has more than one, so that the run can go on from another address.
	hops bool
	// stuck says that during this attack other addresses did not help.
	stuck bool
}

// newClient returns a client for the target that sends through a copy of h.
func newClient(baseURL string, h *http.Client) (*client, error) {
	base, err := parseBase(baseURL)
	if err != nil {
		return nil, err
	}
	c := &client{base: base, http: &http.Client{
		Transport: http.DefaultTransport,
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse
		},
	}}
	if h != nil && h.Transport != nil {
		c.http.Transport = h.Transport
	}
	// A copy, so that this run's connections are its own.
	if t, ok := c.http.Transport.(*http.Transport); ok {
		c.http.Transport = t.Clone()
		c.hops = isLoopback(base.Hostname()) && canBind(loopbackAddress())
	}
	return c, nil
}

// request is one request to the target.
type request struct {
	method      string
	target      string // path and query, sent as they stand
	contentType string
	header      http.Header // more headers, or nil
	token       string      // bearer token, or ""
	body        []byte
	chunked     bool  // send the body without saying its length
	limit       int64 // bytes to read of the answer; 0 means 64 KB
}

func get(target string) request {
	return request{method: http.MethodGet, target: target}
}

func post(target, contentType string, body []byte) request {
	return request{method: http.MethodPost, target: target, contentType: contentType, body: body}
}

func postJSON(target, body string) request {
	return post(target, "application/json", []byte(body))
}

// answer is the target's answer; err says why there is none.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// decode decodes a JSON body and reports whether it is one.
func (a answer) decode(value any) bool { return json.Unmarshal(a.body, value) == nil }

// do sends a request. When it is answered 429, it tries again from up to three
// other loopback addresses, if there are any, and stays at the last one.
func (c *client) do(ctx context.Context, q request) answer {
	a := c.once(ctx, q)
	for range maxHops {
		if a.status != http.StatusTooManyRequests || c.stuck || !c.hop() {
			return a
		}
		a = c.once(ctx, q)
	}
	c.stuck = a.status == http.StatusTooManyRequests
	return a
}

// once sends a request and reads the answer.
func (c *client) once(ctx context.Context, q request) answer {
	if c.requests >= maxRequests {
		return answer{err: errBudget}
	}
	c.requests++
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()

	r, err := http.NewRequestWithContext(ctx, q.method, c.base.String()+"/", bytes.NewReader(q.body))
	if err != nil {
		return answer{err: err}
	}
	aim(r.URL, q.target)
	for name, values := range q.header {
		r.Header[name] = values
	}
	r.Header.Set("User-Agent", userAgent)
	if q.contentType != "" {
		r.Header.Set("Content-Type", q.contentType)
	}
	if q.token != "" {
		r.Header.Set("Authorization", "Bearer "+q.token)
	}
	if q.chunked {
		r.ContentLength = -1
	}

	response, err := c.http.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, cmp.Or(q.limit, maxAnswer)))
	return answer{status: response.StatusCode, header: response.Header, body: body, err: err}
}

// aim sets the path and the query of a URL without normalising them, so that
// wrong escapes and doubled slashes are sent as they stand.
func aim(u *url.URL, target string) {
	path, query, _ := strings.Cut(target, "?")
	u.RawQuery = query
	if strings.HasPrefix(path, "//") {
		u.Path = path // Opaque would be taken for a host.
		return
	}
	u.Opaque = path
}

// hop moves to another loopback address, which the target takes for another
// client, and reports whether it could.
func (c *client) hop() bool {
	if !c.hops {
		return false
	}
	old := c.http.Transport.(*http.Transport)
	next := old.Clone()
	next.DialContext = (&net.Dialer{LocalAddr: &net.TCPAddr{IP: loopbackAddress()}}).DialContext
	old.CloseIdleConnections()
	c.http.Transport = next
	return true
}

// Elsewhere returns a random loopback address that the target takes for another
// client, or nil if this system has none.
func Elsewhere() net.IP {
	if ip := loopbackAddress(); canBind(ip) {
		return ip
	}
	return nil
}

// loopbackAddress returns a random address of 127.0.0.0/8: random, so that the
// limits of an earlier run are not met again.
func loopbackAddress() net.IP {
	ip := net.IPv4(127, 0, 0, 0).To4()
	rand.Read(ip[1:])
	ip[3] = ip[3]>>1 + 64 // neither a network nor a broadcast address
	return ip
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host).To4()
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// canBind reports whether this system has the address. Linux and Windows have
// all of 127.0.0.0/8, others only 127.0.0.1.
func canBind(ip net.IP) bool {
	l, err := net.ListenTCP("tcp", &net.TCPAddr{IP: ip})
	if err != nil {
		return false
	}
	l.Close()
	return true
}
