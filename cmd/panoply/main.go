// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Command panoply finds and closes the seven security mistakes of web apps.
//
//	panoply guard --upstream URL     stand in front of an app, no file needed
//	panoply guard --config FILE      the same, with a policy
//	panoply scan URL                 which of the seven a running app makes
//	panoply scan URL --active        the same, trying things, on an app of your own
//	panoply audit DIR                which of the seven an app's source makes, and where
//	panoply audit DIR --write-policy FILE   and the policy that closes them
//	panoply report FILE              a report in JSON in another form
//	panoply policy check FILE        tell everything that is wrong with a policy
//	panoply policy show              the effective policy, defaults spelled out
//	panoply policy schema            the policy file's JSON Schema, for editors
//	panoply health                   is the guard on this machine ready? For containers without curl
//
// Exit codes: 0 done, 1 findings, 2 usage or a bad policy, 3 a target that
// cannot be reached or read, 4 a scan that had to stop before its end.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/alecthomas/kong"
	_ "golang.org/x/crypto/x509roots/fallback" // for systems that have no certificate authorities of their own
)

const (
	exitFindings    = 1
	exitUsage       = 2
	exitUnreachable = 3
	exitStopped     = 4
)

// commands is the command line.
type commands struct {
	Guard  guardCmd  `cmd:"" help:"Stand in front of an app and close the seven mistakes."`
	Scan   scanCmd   `cmd:"" help:"Ask a running app which of the seven mistakes it makes."`
	Audit  auditCmd  `cmd:"" help:"Read an Express app's source: which of the seven mistakes it makes, and where."`
	Report reportCmd `cmd:"" help:"Write a report that was kept as JSON in another form."`
	Policy policyCmd `cmd:"" help:"Check, show or describe the policy file."`
	Health healthCmd `cmd:"" help:"Ask the guard on this machine whether it is ready."`

	Version kong.VersionFlag `help:"Print the version."`
}

// streams are where a command reads and writes.
type streams struct {
	out, err io.Writer
}

func main() { os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr})) }

// run is main for tests, which run the command in their own process.
func run(args []string, std streams) int {
	ctx, stop := interruptible(echo)
	defer stop()
	exited := -1 // kong wants to end the process after --help
	parser, err := kong.New(&commands{}, kong.Name("panoply"),
		kong.Description("Finds and closes the seven security mistakes that web apps make in production."),
		kong.Writers(std.out, std.err), kong.UsageOnError(), kong.Bind(std), kong.Vars{"version": "panoply " + version()},
		kong.BindTo(ctx, (*context.Context)(nil)), kong.Exit(func(code int) { exited = code }))
	if err != nil {
		fmt.Fprintln(std.err, "panoply: error:", err)
		return exitUsage
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintln(std.err, "panoply: error:", err)
		fmt.Fprintln(std.err, "panoply: hint: panoply --help")
		return exitUsage
	}
	if err := parsed.Run(); err != nil {
		if isFindings(err) {
			fmt.Fprintln(std.err, "panoply:", err)
			return exitFindings
		}
		fmt.Fprintln(std.err, "panoply: error:", err)
		var code exitError
		if errors.As(err, &code) {
			return code.code
		}
		return exitUsage
	}
	return 0
}

// exitError is an error with an exit code of its own.
type exitError struct {
	error
	code int
}

func (e exitError) Unwrap() error { return e.error }
