// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard"
)

type guardCmd struct {
	Config   string `help:"Policy file; it is read anew when it changes, and at SIGHUP." placeholder:"FILE"`
	Upstream string `help:"The app behind, http://host:port." placeholder:"URL"`
	Listen   string `help:"Where to listen, host:port or unix:/path (default 127.0.0.1:8080)." placeholder:"ADDR"`
	Admin    string `help:"Where to serve health and status (default 127.0.0.1:9901), or off." placeholder:"ADDR"`
	Profile  string `help:"strict or compatible; without a policy file compatible." placeholder:"NAME"`
	Mode     string `help:"enforce, report or off for everything that the policy leaves open." placeholder:"MODE"`
	Log      string `help:"text or json." default:"text" enum:"text,json"`
}

func (c *guardCmd) Run(ctx context.Context, std streams) error {
	policy, err := c.policy()
	if err != nil {
		return err
	}
	var handler slog.Handler = slog.NewTextHandler(std.err, nil)
	if c.Log == "json" {
		handler = slog.NewJSONHandler(std.err, nil)
	}
	log := slog.New(handler)
	g, err := guard.New(policy, log)
	if err != nil {
		return err
	}
	defer c.follow(ctx, g)()
	ctx, done := context.WithCancel(ctx)
	defer done()
	keepSmall(ctx)
	if err := g.Run(ctx, nil); err != nil {
		return exitError{err, exitUnreachable}
	}
	return nil
}

// follow has the guard take the policy anew at each SIGHUP and when its files change, until
// stop.
func (c *guardCmd) follow(ctx context.Context, g *guard.Guard) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	done := make(chan struct{})
	go func() {
		defer close(done)
		g.Follow(ctx, c.Config, c.policy, hangups)
	}()
	return func() {
		cancel()
		<-done
		signal.Stop(hangups)
	}
}

// policy is the file's, with what the command line says put over it.
func (c *guardCmd) policy() (p panoply.Policy, err error) {
	switch {
	case c.Config != "":
		if p, err = panoply.Load(c.Config); err != nil {
			return p, err
		}
	case c.Upstream == "":
		return p, errors.New("give --upstream URL, or --config FILE")
	default:
		p.Profile = panoply.Compatible
	}
	if set(&p.Upstream, c.Upstream); c.Upstream != "" {
		p.Upstreams = nil
	}
	if c.Listen != "" {
		p.Listen = []string{c.Listen}
	}
	set(&p.Admin.Listen, c.Admin)
	if err := choose(&p.Profile, "--profile", c.Profile, p.Profile.Values()); err != nil {
		return p, err
	}
	return p, choose(&p.Mode, "--mode", c.Mode, p.Mode.Values())
}

func set(into *string, value string) {
	if value != "" {
		*into = value
	}
}
