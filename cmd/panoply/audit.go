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
	"github.com/panoply-security/panoply/report"
)

type auditCmd struct {
	Dir     string   `arg:"" help:"The app's directory, with its package.json." placeholder:"DIR"`
	Routes  bool     `help:"List the app's routes, and nothing else: as a table, or with --format json."`
	Watch   bool     `help:"Audit again whenever a file changes, and tell what is new and what is gone, until Ctrl-C."`
	Include []string `help:"Directories or files that are left out by default: tests, dist, public and the like." placeholder:"PATH"`
	Exclude []string `help:"Directories or files to leave out as well." placeholder:"PATH"`
	Quiet   bool     `short:"q" help:"Say nothing but the report."`

	WritePolicy string `help:"Write the guard's policy that closes what was found." placeholder:"FILE"`

	outputFlags
}

func (c *auditCmd) Run(ctx context.Context, std streams) error {
	out, err := c.open(std)
	if err != nil {
		return err
	}
	if err := c.together(out.format); err != nil {
		return err
	}
	o := audit.Options{Options: source.Options{Include: c.Include, Exclude: c.Exclude}, Version: version()}
	if c.Watch {
		return c.watch(ctx, o, out)
	}
	r, app, err := audit.Run(ctx, c.Dir, o)
	if err != nil {
		return exitError{errors.New(printable.Line(err.Error())), exitUnreachable}
	}
	if c.WritePolicy != "" {
		if err := c.writePolicy(app, std); err != nil {
			return err
		}
	}
	if c.Routes {
		return c.routes(app, out)
	}
	return out.finish(r)
}

// together tells which flags make no sense together.
func (c *auditCmd) together(format report.Format) error {
	var errs []error
	if c.Routes && format != report.Text && format != report.JSON {
		errs = append(errs, fmt.Errorf("--routes: the table is written as text or json, not as %s", c.Format))
	}
	if c.Watch {
		for _, f := range []struct {
			name string
			set  bool
		}{{"routes", c.Routes}, {"write-policy", c.WritePolicy != ""}, {"output", c.Output != ""}, {"format " + c.Format, format != report.Text}} {
			if f.set {
				errs = append(errs, fmt.Errorf("--watch: writes to the terminal only (hint: leave out --%s)", f.name))
			}
		}
	}
	return errors.Join(errs...)
}

// routes writes the route table.
func (c *auditCmd) routes(app *audit.App, out output) error {
	var list bytes.Buffer
	if out.format == report.JSON {
		if err := audit.WriteRoutesJSON(&list, app.Program); err != nil {
			return err
		}
		return out.write(printable.JSON(list.Bytes()))
	}
	if err := audit.WriteRoutes(&list, app.Program); err != nil {
		return err
	}
	var lines bytes.Buffer
	for line := range bytes.Lines(list.Bytes()) {
		fmt.Fprintln(&lines, printable.Line(string(bytes.TrimRight(line, "\n"))))
	}
	return out.write(lines.Bytes())
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
	if !c.Quiet {
		fmt.Fprintf(std.err, "panoply: wrote %s\n", c.WritePolicy)
	}
	return nil
}
