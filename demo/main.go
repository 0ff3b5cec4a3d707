// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Command demo shows the seven mistakes and their end, on a real database.
//
// It starts an embedded database that speaks MongoDB's protocol and three
// servers on loopback: the article's vulnerable shop, the same process behind
// the guard with the committed policy, and the shop written with the library.
// Then it attacks all three, has panoply scan look at each besides, and prints what
// both got.
//
//	go run ./demo                 before and after, then serves until Ctrl-C
//	go run ./demo -check          the same, then exits: 0 only if it is as claimed
//	go run ./demo -policy FILE    another policy for the guard
//	go run ./demo -mongo URI      a real server instead of the embedded one
//	go run ./demo -v              all evidence instead of the first lines
//	go run ./demo -log            the guard's log besides, on standard error
//
// It exits with 0 when the result is as claimed, 1 when it is not (-check
// alone), 2 when it cannot run.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/panoply-security/panoply/demo/attack"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/scan"
)

func main() {
	o, err := parse(os.Args[1:], os.Stderr)
	if err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		os.Exit(2) // parse has said why
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	out := newPrinter(os.Stdout)
	out.all = o.all
	ok, err := run(ctx, o, out)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo: error:", err)
		os.Exit(2)
	}
	if !ok {
		os.Exit(1)
	}
}

type options struct {
	check  bool
	policy string
	mongo  string
	log    bool
	all    bool
}

// parse reads the command line. It tells what is wrong with it.
func parse(args []string, stderr io.Writer) (o options, err error) {
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.BoolVar(&o.check, "check", false, "exit when the attacks are done: 0 only if the result is as claimed")
	f.StringVar(&o.policy, "policy", "", "policy `file` for the guard instead of the committed one")
	f.StringVar(&o.mongo, "mongo", "", "`uri` of a MongoDB server instead of the embedded database")
	f.BoolVar(&o.log, "log", false, "print the guard's log")
	f.BoolVar(&o.all, "v", false, "print all evidence")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", f.Arg(0))
		fmt.Fprintln(stderr, "demo: error:", err)
		return o, err
	}
	return o, nil
}

// scanned is what a scan says of a target. It comes from an address of its own, since
// limits count by address; where the system has none the scan is left out.
func scanned(ctx context.Context, s *servers, t target, out printer) (*finding.Report, error) {
	from := attack.Elsewhere()
	if from == nil {
		out.progress("not scanning it: this system has one loopback address, whose logins the attacks used up")
		return nil, nil
	}
	out.progress("scanning the %s shop", t.name)
	return scan.Run(ctx, scan.Options{Target: t.url, Active: true, Auth: true, From: from, RootCAs: s.pool, Version: "demo"})
}

// run reports whether the result is as claimed.
func run(ctx context.Context, o options, out printer) (bool, error) {
	servers, err := startAll(ctx, o)
	if err != nil {
		return false, err
	}
	defer servers.stop()

	var reports []report
	for _, t := range servers.targets {
		out.progress("attacking the %s shop at %s", t.name, t.url)
		results, err := attack.Run(ctx, t.url, attack.Options{Client: servers.client})
		if err != nil {
			return false, fmt.Errorf("%s: %w", t.name, err)
		}
		scanned, err := scanned(ctx, servers, t, out)
		if err != nil {
			return false, fmt.Errorf("%s: %w", t.name, err)
		}
		reports = append(reports, report{t, results, scanned})
	}
	out.table(reports)
	out.browse(servers.targets)
	ok := out.verdict(reports)
	if o.check {
		return ok, nil
	}
	out.progress("serving until Ctrl-C")
	<-ctx.Done()
	return true, nil
}
