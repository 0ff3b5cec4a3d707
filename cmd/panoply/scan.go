// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/alecthomas/kong"

	"github.com/panoply-security/panoply/internal/printable"
	"github.com/panoply-security/panoply/scan"
)

type scanCmd struct {
	URL    string     `arg:"" name:"url" help:"The running app: http://localhost:3000."`
	Active activeFlag `help:"Also try things, on an app of your own; --active=auth lets an operator sign in to the scan's own account."`
	IOwn   string     `name:"i-own" help:"Try things on this host though its address is public: you answer for it." placeholder:"HOST"`

	Login       string `help:"With --active: the path where users sign in, if it has an unusual name." placeholder:"PATH"`
	User        string `help:"With --active: an account of your own to act as, for what is behind the login. Take one that you can do without." placeholder:"NAME"`
	PasswordEnv string `name:"password-env" help:"The environment variable that has its password." placeholder:"VAR"`
	HeaderEnv   string `name:"header-env" help:"Instead of --user: the environment variable that has a header of one who is signed in, Authorization: Bearer … or Cookie: …." placeholder:"VAR"`

	Route       []string      `help:"A route that no page names; may be repeated." placeholder:"'POST /api/login'" sep:"none"`
	Routes      string        `help:"A file with routes: OpenAPI, a HAR, what audit --routes prints, commands of curl, or lines such as POST /api/login." placeholder:"FILE"`
	MaxRequests int           `help:"Requests of --active at most (default 200)." placeholder:"N"`
	Timeout     time.Duration `help:"Of each request." default:"10s"`
	CA          string        `name:"ca" help:"Certificates to trust instead of the system's, in PEM." placeholder:"FILE"`
	Quiet       bool          `short:"q" help:"Say nothing while it runs."`

	outputFlags
}

// activeFlag is a flag with or without a value.
type activeFlag string

const (
	activeOn   activeFlag = "on"
	activeAuth activeFlag = "auth"
)

// IsBool lets the flag stand without a value.
func (*activeFlag) IsBool() bool { return true }

// Decode reads the flag.
func (a *activeFlag) Decode(ctx *kong.DecodeContext) error {
	*a = activeOn
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	switch value := fmt.Sprint(ctx.Scan.Pop().Value); value {
	case "on", "true":
	case "auth":
		*a = activeAuth
	default:
		return fmt.Errorf("%q is not known (hint: --active or --active=auth)", value)
	}
	return nil
}

func (c *scanCmd) Run(ctx context.Context, std streams) error {
	out, err := c.open(std) // what is wrong with it shows before anything is sent
	if err != nil {
		return err
	}
	o := scan.Options{
		Target: c.URL, Active: c.Active != "", Auth: c.Active == activeAuth, Own: c.IOwn, Routes: c.Route,
		MaxRequests: c.MaxRequests, Timeout: c.Timeout, Version: version(), Login: c.Login, Account: scan.Account{User: c.User},
	}
	// A secret on the command line would be in the shell's history and in the list of
	// processes.
	for name, into := range map[string]*string{c.PasswordEnv: &o.Account.Password, c.HeaderEnv: &o.Account.Header} {
		if name == "" {
			continue
		}
		if *into = os.Getenv(name); *into == "" {
			return fmt.Errorf("the environment has no %s", name)
		}
	}
	if c.Routes != "" {
		src, err := os.ReadFile(c.Routes)
		if err != nil {
			return fmt.Errorf("--routes: %w", err)
		}
		more, err := scan.ReadRoutes(src)
		if err != nil {
			return fmt.Errorf("--routes: %s: %w", c.Routes, err)
		}
		o.Routes = append(o.Routes, more...)
	}
	if c.CA != "" {
		if o.RootCAs, err = roots(c.CA); err != nil {
			return err
		}
	}
	if !c.Quiet {
		o.Progress = func(line string) { fmt.Fprintln(std.err, "panoply: "+printable.Line(line)) }
	}
	r, err := scan.Run(ctx, o)
	if errors.Is(err, scan.ErrUnreachable) {
		return exitError{printableError{err}, exitUnreachable}
	}
	if err != nil {
		return err
	}
	if err := out.finish(r); err != nil {
		return err
	}
	if r.Run.Stopped != "" {
		return exitError{errors.New("the scan was stopped: " + printable.Line(r.Run.Stopped)), exitStopped}
	}
	return nil
}

// printableError is an error with what a target wrote in it.
type printableError struct{ err error }

func (e printableError) Error() string { return printable.Line(e.err.Error()) }
func (e printableError) Unwrap() error { return e.err }

func roots(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("--ca: %s has no certificate in PEM", file)
	}
	return pool, nil
}
