// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// healthPatience is how long the guard may take to say that it is well.
const healthPatience = 2 * time.Second

type healthCmd struct {
	Admin string `help:"Where the guard's admin listener is." default:"127.0.0.1:9901" placeholder:"ADDR"`
	Live  bool   `help:"Whether it lives, also while it stops."`
}

func (c *healthCmd) Run(ctx context.Context, std streams) error {
	path := "/readyz"
	if c.Live {
		path = "/healthz"
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Admin+path, nil)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // no proxy: it is this machine
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
