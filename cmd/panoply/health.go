// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// healthPatience is how long the guard may take to say that it is well.
const healthPatience = 2 * time.Second

type healthCmd struct {
	Admin string `help:"Where the guard's admin listener is; https:// before it where that is served with the guard's certificate." default:"127.0.0.1:9901" placeholder:"ADDR"`
	Live  bool   `help:"Whether it lives, also while it stops."`
}

func (c *healthCmd) Run(ctx context.Context, std streams) error {
	path := "/readyz"
	if c.Live {
		path = "/healthz"
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	base := c.Admin
	if !strings.Contains(base, "://") {
		base = "http://" + base
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, base+path, nil)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	transport := &http.Transport{DisableKeepAlives: true} // no proxy: it is this machine
	if ip := net.ParseIP(r.URL.Hostname()); ip != nil && ip.IsLoopback() {
		// No certificate names it, nobody is in between, and nothing secret is sent.
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true}
	}
	client := http.Client{Transport: transport}
	resp, err := client.Do(r)
	if err != nil {
		return exitError{err, exitUnreachable}
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	said := strings.TrimSpace(string(text))
	if resp.StatusCode != http.StatusOK {
		return exitError{fmt.Errorf("the guard says %d: %s", resp.StatusCode, said), exitUnreachable}
	}
	fmt.Fprintln(std.out, said)
	return nil
}
