// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard"
	"github.com/panoply-security/panoply/guard/forward"
	"github.com/panoply-security/panoply/guard/http1"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/upload"
	"github.com/panoply-security/panoply/validate"
)

// order is the body of the POST: about 1 KB of JSON with 60 values.
var order = func() string {
	var b strings.Builder
	b.WriteString(`{"customer":"O'Brien-Müller","email":"someone@shop.example","note":"price $5, not {$x}","items":[`)
	for i := range 18 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"sku":"item-%04d","quantity":%d,"price":%d.95}`, i*37, i+1, i*3)
	}
	b.WriteString(`]}`)
	return b.String()
}()

var orderSchema = map[string]any{
	"type":     "object",
	"required": []any{"customer", "email", "items"},
	"properties": map[string]any{
		"customer": map[string]any{"type": "string", "minLength": 1, "maxLength": 100},
		"email":    map[string]any{"type": "string", "format": "email"},
		"note":     map[string]any{"type": "string", "maxLength": 1000},
		"items": map[string]any{"type": "array", "maxItems": 100, "items": map[string]any{
			"type": "object",
			"properties": map[string]any{
				"sku":      map[string]any{"type": "string", "maxLength": 64},
				"quantity": map[string]any{"type": "integer", "minimum": 1},
				"price":    map[string]any{"type": "number", "minimum": 0},
			}}},
	},
}

// serve plays one role until standard input ends.
func serve(role string) error {
	upstream := os.Getenv(upstreamVariable)
	var handler http.Handler
	var err error
	switch role {
	case "app":
		handler = app()
	case "bare":
		handler, err = bare(upstream)
	case "stock":
		handler, err = stock(upstream)
	case "logins":
		handler, err = loginApp()
	case "forward":
		handler, err = forwarding(upstream)
	case "guard":
		handler, err = guarded(upstream)
	case "gateway":
		return gateway(upstream)
	case "sockets":
		handler = sockets()
	default:
		err = fmt.Errorf("no such role")
	}
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 90 * time.Second}
	go server.Serve(listener)
	defer server.Close()
	fmt.Printf("http://%s\n", listener.Addr())
	return answerUsage()
}

// app answers every request with about 1 KB of JSON.
func app() http.Handler {
	answer := []byte(order)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
		w.Header().Set("X-Powered-By", "Express")
		w.Write(answer)
	})
}

// bare is httputil.ReverseProxy, tuned as the guard's own is.
func bare(upstream string) (http.Handler, error) {
	target, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.Out.Host = pr.In.Host
			pr.SetXForwarded()
		},
		Transport: &http.Transport{
			MaxIdleConns: 512, MaxIdleConnsPerHost: 512, IdleConnTimeout: 4 * time.Second, DisableCompression: true,
		},
		BufferPool: &buffers{},
	}, nil
}

// stock is httputil.ReverseProxy as one writes it down, with http.DefaultTransport.
func stock(upstream string) (http.Handler, error) {
	target, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	return &httputil.ReverseProxy{Rewrite: func(pr *httputil.ProxyRequest) {
		pr.SetURL(target)
		pr.SetXForwarded()
	}}, nil
}

// forwarding is how the guard forwards, without its protections.
func forwarding(upstream string) (http.Handler, error) {
	target, err := url.Parse(upstream)
	if err != nil {
		return nil, err
	}
	return &forward.Handler{
		Rewrite: func(pr *httputil.ProxyRequest) {
			pr.SetURL(target)
			pr.Out.Host = pr.In.Host
			pr.SetXForwarded()
		},
		Transport: http1.New(http1.Config{Answer: time.Minute, Dial: func(ctx context.Context) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "tcp", target.Host)
		}}),
		ModifyResponse: func(*http.Response) error { return nil },
		ErrorHandler:   func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
		Broken:         func(*http.Request, error) {},
	}, nil
}

type buffers struct{ sync.Pool }

func (b *buffers) Get() []byte {
	if v := b.Pool.Get(); v != nil {
		return *v.(*[]byte)
	}
	return make([]byte, 32<<10)
}

func (b *buffers) Put(buf []byte) { b.Pool.Put(&buf) }

// guarded is the guard with every protection in force.
func guarded(upstream string) (http.Handler, error) {
	g, err := guard.New(guardPolicy(upstream), slog.New(slog.DiscardHandler))
	if err != nil {
		return nil, err
	}
	return g.Handler(), nil
}

func guardPolicy(upstream string) panoply.Policy {
	policy := panoply.Policy{Upstream: upstream, Admin: panoply.AdminSection{Listen: "off"}}
	policy.RateLimits.Rules = []ratelimit.Rule{{Name: "general", Limit: 1_000_000, Window: time.Second}} // for there is one client
	policy.Bodies.Routes = []validate.Route{{Match: "POST /items", Schema: orderSchema}}
	for _, delivery := range []upload.Delivery{upload.Streamed, upload.Spool} {
		policy.Uploads.Rules = append(policy.Uploads.Rules, panoply.UploadRule{Match: "POST /" + string(delivery),
			Config: upload.Config{MaxFileBytes: 20 << 20, Delivery: delivery, UnsafeTypes: []string{"application/octet-stream"}}})
	}
	return policy
}
