// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/panoply-security/panoply/guard/http1"
)

// transport speaks with the app.
type transport interface {
	http.RoundTripper
	CloseIdleConnections()
}

const dialPatience = 5 * time.Second

// newTransport speaks HTTP/1.1 with the app, directly, whatever proxy the environment
// names.
func newTransport(target *url.URL, t times) transport {
	port := target.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[target.Scheme]
	}
	address := net.JoinHostPort(target.Hostname(), port)
	dialer := &net.Dialer{Timeout: dialPatience, KeepAlive: 30 * time.Second}
	dial := func(ctx context.Context) (net.Conn, error) { return dialer.DialContext(ctx, "tcp", address) }
	if target.Scheme == "https" {
		config := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: target.Hostname(), NextProtos: []string{"http/1.1"}}
		plain := dial
		dial = func(ctx context.Context) (net.Conn, error) {
			c, err := plain(ctx)
			if err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(ctx, dialPatience)
			defer cancel()
			encrypted := tls.Client(c, config)
			if err := encrypted.HandshakeContext(ctx); err != nil {
				c.Close()
				return nil, err
			}
			return encrypted, nil
		}
	}
	return http1.New(http1.Config{Dial: dial, Answer: t.answer})
}
