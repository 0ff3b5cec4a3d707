// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/internal/printable"
)

type auditCmd struct {
	Dir     string   `arg:"" help:"The app's directory, with its package.json." placeholder:"DIR"`
	Routes  bool     `help:"List the app's routes, and nothing else."`
	Include []string `help:"Directories or files that are left out by default: tests, dist, public and the like." placeholder:"PATH"`
	Exclude []string `help:"Directories or files to leave out as well." placeholder:"PATH"`

	WritePolicy string `help:"Write the guard's policy that closes what was found." placeholder:"FILE"`

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
	if c.WritePolicy != "" {
		if err := c.writePolicy(app, std); err != nil {
			return err
		}
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

// writePolicy writes a new file: a policy that somebody has worked on is not
// written over.
func (c *auditCmd) writePolicy(app *audit.App, std streams) error {
	var text bytes.Buffer
	if err := app.WritePolicy(&text); err != nil {
		return err
	}
	f, err := os.OpenFile(c.WritePolicy, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return fmt.Errorf("--write-policy: %w", err)
	}
	if _, err = f.Write(text.Bytes()); err == nil {
		err = f.Close()
	} else {
		f.Close()
	}
	if err != nil {
		return fmt.Errorf("--write-policy: %w", err)
	}
	fmt.Fprintf(std.err, "panoply: wrote %s\n", c.WritePolicy)
	return nil
}
