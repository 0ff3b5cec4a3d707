// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
)

// serveRedirect answers plain HTTP by sending browsers to https, on a listener of its own.
func (g *Guard) serveRedirect(ctx context.Context) (stop func(), err error) {
	if g.policy.TLS.Redirect == "" {
		return func() {}, nil
	}
	listener, err := net.Listen("tcp", g.policy.TLS.Redirect)
	if err != nil {
		return nil, fmt.Errorf("tls.redirect: %w", err)
	}
	patience := g.times.header
	server := &http.Server{Handler: http.HandlerFunc(g.redirect), ReadTimeout: patience, WriteTimeout: patience, IdleTimeout: patience,
		MaxHeaderBytes: 8 << 10, DisableGeneralOptionsHandler: true, ErrorLog: log.New(connLog{g.log}, "", 0)}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		server.Serve(g.front(listener, nil)) // until stop
	}()
	g.log.InfoContext(ctx, "plain HTTP is sent to https", "listening", "http://"+listener.Addr().String())
	return func() { server.Close(); <-ended }, nil
}

// redirect sends a request to the same place under https, if that is a host which the
// certificate is for: any other would be sent wherever its Host header says. What is not a
// GET or HEAD is refused, so that whoever sends secrets in the clear notices.
func (g *Guard) redirect(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	ported := err == nil
	if !ported {
		host = strings.TrimSuffix(strings.TrimPrefix(r.Host, "["), "]")
	}
	target := r.URL.RequestURI()
	if c := g.acme.Load(); c != nil && c.Challenge(w, r) {
		return
	}
	switch {
	case host == "" || !g.serves(host):
		http.Error(w, "This server is not known under this name.", http.StatusMisdirectedRequest)
		return
	case !strings.HasPrefix(target, "/"):
		http.Error(w, "The request target is not a path.", http.StatusBadRequest)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		http.Error(w, "Only https is served here.", http.StatusForbidden)
		return
	}
	to := host
	if strings.Contains(host, ":") {
		to = "[" + host + "]"
	}
	if port := g.port(); ported && port != "" && port != "443" {
		// Whoever names no port came to 80, and finds https at 443, whichever ports
		// are in between; only who names one needs ours.
		to += ":" + port
	}
	w.Header().Set("Location", "https://"+to+target)
	w.WriteHeader(http.StatusPermanentRedirect)
}

// port is that of the first address that is no Unix socket.
func (g *Guard) port() string {
	addr, _ := firstTCP(g.policy)
	_, port, _ := net.SplitHostPort(addr) // checkListen has read it
	return port
}
