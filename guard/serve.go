// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"
)

// connBytes is what a request's headers may have before net/http itself refuses.
const connBytes = 64 << 10

// Run listens, serves and, when the context ends, drains: new connections are
// refused, requests under way have 10 s, then WebSockets are closed. ready, when
// not nil, is called with the URL, the first if there are several, once the guard accepts
// connections.
func (g *Guard) Run(ctx context.Context, ready func(url string)) error {
	listener, err := listenAt(g.policy.Listen)
	if err != nil {
		return err
	}
	scheme := "http"
	var config *tls.Config
	if g.policy.TLS.Cert != "" {
		scheme = "https"
		cert, err := g.certificate()
		if err != nil {
			listener.Close()
			return err
		}
		g.cert.Store(cert)
		config = &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"},
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return g.cert.Load(), nil }}
	}
	if g.policy.TLS.ACME != nil {
		scheme = "https"
		if config, err = g.withACME(listener); err != nil {
			listener.Close()
			return err
		}
	}
	at := urls(listener, scheme)
	g.Announce(ctx, strings.Join(at, " "))
	if err := g.openStore(ctx); err != nil {
		listener.Close()
		g.Close()
		return err
	}
	stopAdmin, err := g.serveAdmin(ctx, config)
	if err != nil {
		listener.Close()
		g.Close()
		return err
	}
	defer stopAdmin()
	stopRedirect, err := g.serveRedirect(ctx)
	if err != nil {
		listener.Close()
		g.Close()
		return err
	}
	defer stopRedirect()
	if c := g.acme.Load(); c != nil {
		if err := c.Start(); err != nil {
			listener.Close()
			g.Close()
			return err
		}
	}
	g.reloading.Lock()
	g.now().proxy.upstreams.Start()
	g.reloading.Unlock()
	g.upgrades.Go(func() { g.warnOfOtherWays(ctx) })
	if ready != nil {
		ready(at[0])
	}
	return g.serve(ctx, listener, config)
}

func (g *Guard) serve(ctx context.Context, listener net.Listener, config *tls.Config) error {
	// Requests live in a context of their own, so that they can end in peace
	// when ctx does; cancelling it at last closes hijacked connections.
	base, closeAll := context.WithCancel(context.WithoutCancel(ctx))
	defer closeAll()
	server := &http.Server{
		Handler:           g.Handler(),
		TLSConfig:         config,
		ReadHeaderTimeout: g.times.header,
		IdleTimeout:       90 * time.Second,
		MaxHeaderBytes:    connBytes,
		HTTP2: &http.HTTP2Config{
			MaxReadFrameSize:              16 << 10, // what everybody sends; each connection has room for one
			MaxReceiveBufferPerConnection: 1 << 20,
			MaxReceiveBufferPerStream:     512 << 10,
			WriteByteTimeout:              g.times.chunk,
		},
		// OPTIONS * is the app's to answer, and passes the suit.
		DisableGeneralOptionsHandler: true,
		BaseContext:                  func(net.Listener) context.Context { return base },
		ConnContext:                  linked,
		ErrorLog:                     log.New(connLog{g.log}, "", 0),
	}
	listener = g.front(listener, config)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		server.Close()
		g.Close()
		return err
	case <-ctx.Done():
	}
	g.draining.Store(true)
	g.log.Info("stopping", "drain", g.times.drain.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.times.drain)
	defer cancel()
	err := server.Shutdown(drain)
	closeAll()
	if errors.Is(err, context.DeadlineExceeded) {
		g.log.Warn("requests under way were cut off")
		server.Close()
		err = nil
	}
	<-failed
	g.upgrades.Wait()
	g.Close()
	return err
}

// connLog gives the server's own messages to the log. Those about connections
// that never became a request are made by anyone who connects, and so go in at
// a low level.
type connLog struct{ log *slog.Logger }

func (c connLog) Write(b []byte) (int, error) {
	message := strings.TrimSpace(string(b))
	level := slog.LevelDebug
	if strings.HasPrefix(message, "http: panic") || strings.HasPrefix(message, "http: Accept error") {
		level = slog.LevelError
	}
	c.log.Log(context.Background(), level, "connection", "message", message)
	return len(b), nil
}
