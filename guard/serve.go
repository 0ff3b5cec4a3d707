// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	drainTime = 10 * time.Second // for requests under way when the guard stops
	connBytes = 64 << 10         // of headers, before net/http itself refuses
)

// Run listens, serves and, when the context ends, drains: new connections are
// refused, requests under way have 10 s, then WebSockets are closed. ready, when
// not nil, is called with the URL once the guard accepts connections.
func (g *Guard) Run(ctx context.Context, ready func(url string)) error {
	listener, err := net.Listen("tcp", g.policy.Listen)
	if err != nil {
		return err
	}
	scheme := "http"
	var config *tls.Config
	if g.policy.TLS.Cert != "" {
		scheme = "https"
		cert, err := tls.LoadX509KeyPair(g.policy.File(g.policy.TLS.Cert), g.policy.File(g.policy.TLS.Key))
		if err != nil {
			listener.Close()
			return fmt.Errorf("tls: %w", err)
		}
		config = &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert}}
	}
	url := scheme + "://" + listener.Addr().String()
	g.Announce(ctx, url)
	stopAdmin := g.serveAdmin(ctx)
	defer stopAdmin()
	if ready != nil {
		ready(url)
	}
	return g.serve(ctx, listener, config)
}

func (g *Guard) serve(ctx context.Context, listener net.Listener, config *tls.Config) error {
	// Requests live in a context of their own, so that they can end in peace
	// when ctx does; cancelling it at last closes hijacked connections.
	base, closeAll := context.WithCancel(context.WithoutCancel(ctx))
	defer closeAll()
	server := &http.Server{
		Handler:           g.handler,
		TLSConfig:         config,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    connBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          log.New(connLog{g.log}, "", 0),
	}
	failed := make(chan error, 1)
	go func() {
		if config != nil {
			failed <- server.ServeTLS(listener, "", "")
			return
		}
		failed <- server.Serve(listener)
	}()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	g.log.Info("stopping", "drain", drainTime.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), drainTime)
	defer cancel()
	err := server.Shutdown(drain)
	closeAll()
	if errors.Is(err, context.DeadlineExceeded) {
		server.Close()
		err = nil
	}
	<-failed
	g.Close()
	return err
}

// connLog gives the server's own messages, about connections that never became
// a request, to the log at a low level: they are made by anyone who connects.
type connLog struct{ log *slog.Logger }

func (c connLog) Write(b []byte) (int, error) {
	c.log.Debug("connection", "message", strings.TrimSpace(string(b)))
	return len(b), nil
}
