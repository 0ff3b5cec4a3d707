// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"sync"
	"time"

	"github.com/panoply-security/panoply/guard/http1"
)

// Transport speaks with one server. This package chooses servers; how bytes reach one is
// the transport's alone. An error of RoundTrip that came before anything of the request
// was sent is, or wraps, a [NotSent]: another server may have the request then. When it returns,
// it is done with the header and the URL of the request, and calls no Got1xxResponse any more.
type Transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

// NotSent is why a request has not left.
type NotSent struct{ Err error }

func (e *NotSent) Error() string { return e.Err.Error() }

// Unwrap is the cause.
func (e *NotSent) Unwrap() error { return e.Err }

const dialPatience = 5 * time.Second

// newTransport speaks with a server directly, whatever proxy the environment names: HTTP/1.1 by
// package http1, HTTP/2 by net/http. The app's answer must begin within answer.
func newTransport(e Endpoint, answer time.Duration) Transport {
	if !e.HTTP2 {
		return http1.New(http1.Config{Dial: e.dial, Answer: answer})
	}
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) { return e.dial(ctx) }
	t := &http.Transport{
		DialContext:            dial,
		DialTLSContext:         dial,
		IdleConnTimeout:        30 * time.Second,
		ResponseHeaderTimeout:  answer,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true,
		Protocols:              new(http.Protocols),
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: 15 * time.Second, PingTimeout: dialPatience, WriteByteTimeout: answer},
	}
	t.Protocols.SetHTTP2(true)
	t.Protocols.SetUnencryptedHTTP2(true)
	return http2{t}
}

var errNoHTTP2 = errors.New("the server does not speak HTTP/2")

// dial connects to the server, wherever the request says, and shakes hands over TLS.
func (e Endpoint) dial(ctx context.Context) (net.Conn, error) {
	network, addr := "tcp", e.URL.Host
	if e.Unix != "" {
		network, addr = "unix", e.Unix
	} else if e.URL.Port() == "" {
		addr = net.JoinHostPort(e.URL.Hostname(), map[string]string{"http": "80", "https": "443"}[e.URL.Scheme])
	}
	d := net.Dialer{Timeout: dialPatience, KeepAlive: 30 * time.Second}
	c, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, &NotSent{err}
	}
	if e.URL.Scheme != "https" {
		return c, nil
	}
	ctx, cancel := context.WithTimeout(ctx, dialPatience)
	defer cancel()
	encrypted := tls.Client(c, e.TLS)
	err = encrypted.HandshakeContext(ctx)
	if err == nil && e.HTTP2 && encrypted.ConnectionState().NegotiatedProtocol != "h2" {
		err = errNoHTTP2
	}
	if err != nil {
		c.Close()
		return nil, &NotSent{err}
	}
	return encrypted, nil
}

// http2 gives http.Transport, whose goroutines may outlive a request, a request of its own.
type http2 struct{ *http.Transport }

func (t http2) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	if trace := httptrace.ContextClientTrace(ctx); trace != nil && trace.Got1xxResponse != nil {
		var mu sync.Mutex
		over := false
		defer func() {
			mu.Lock()
			defer mu.Unlock()
			over = true
		}()
		ctx = httptrace.WithClientTrace(valueless{ctx}, &httptrace.ClientTrace{Got1xxResponse: func(status int, header textproto.MIMEHeader) error {
			mu.Lock()
			defer mu.Unlock()
			if over {
				return nil
			}
			return trace.Got1xxResponse(status, header)
		}})
	}
	res, err := t.Transport.RoundTrip(r.Clone(ctx))
	if err == nil {
		res.Request = r
	}
	return res, err
}

// valueless is a context without its values, among them the trace that is for whoever
// has the request.
type valueless struct{ context.Context }

func (valueless) Value(any) any { return nil }
