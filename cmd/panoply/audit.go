// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"

	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/internal/printable"
)

type auditCmd struct {
	Dir     string   `arg:"" help:"The app's directory, with its package.json." placeholder:"DIR"`
	Routes  bool     `help:"List the app's routes, and nothing else."`
	Include []string `help:"Directories or files that are left out by default: tests, dist, public and the like." placeholder:"PATH"`
	Exclude []string `help:"Directories or files to leave out as well." placeholder:"PATH"`

	outputFlags
}

func (c *auditCmd) Run(ctx context.Context, std streams) error {
	out, err := c.open(std)
	if err != nil {
		return err
	}
	r, app, err := audit.Run(ctx, c.Dir, audit.Options{
		Options: source.Options{Include: c.Include, Exclude: c.Exclude}, Version: version(),
	})
	if err != nil {
		return exitError{errors.New(printable.Line(err.Error())), exitUnreachable}
	}
	if !c.Routes {
		return out.finish(r)
	}
	var list bytes.Buffer
	if err := audit.WriteRoutes(&list, app.Program); err != nil {
		return err
	}
	for line := range bytes.Lines(list.Bytes()) {
		if _, err := fmt.Fprintln(std.out, printable.Line(string(bytes.TrimRight(line, "\n")))); err != nil {
			return err
		}
	}
	return nil
}
