// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"golang.org/x/term"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/report"
)

// outputFlags say where a report goes and what fails the run.
type outputFlags struct {
	Format    string `help:"text, json, sarif, html, junit or markdown." default:"text"`
	Output    string `short:"o" help:"Write the report here instead of to standard output." placeholder:"FILE"`
	FailOn    string `help:"The mildest severity that fails the run: critical, high, medium, low, info or none." default:"low"`
	Baseline  string `help:"An earlier report in JSON: only what is new fails the run." placeholder:"FILE"`
	Ignore    string `help:"Findings that are accepted, with reasons." placeholder:"FILE"`
	SARIFFile string `name:"sarif-file" help:"The file of the repository at which SARIF shows findings that are in none (default package.json)." placeholder:"FILE"`
}

// output is where a report goes, with everything that is needed read.
type output struct {
	flags   outputFlags
	std     streams
	format  report.Format
	judging report.Judging
}

// open reads what the flags name.
func (f outputFlags) open(std streams) (o output, err error) {
	o = output{flags: f, std: std, judging: report.Judging{Now: time.Now()}}
	if o.format, err = report.ParseFormat(f.Format); err != nil {
		return o, fmt.Errorf("--format: %w", err)
	}
	if o.judging.Level, err = report.ParseLevel(f.FailOn); err != nil {
		return o, fmt.Errorf("--fail-on: %w", err)
	}
	if f.Baseline != "" {
		file, err := os.Open(f.Baseline)
		if err != nil {
			return o, fmt.Errorf("--baseline: %w", err)
		}
		defer file.Close()
		if o.judging.Baseline, err = finding.Decode(file); err != nil {
			return o, fmt.Errorf("--baseline: %s: %w", f.Baseline, err)
		}
	}
	if f.Ignore != "" {
		src, err := os.ReadFile(f.Ignore)
		if err != nil {
			return o, fmt.Errorf("--ignore: %w", err)
		}
		if o.judging.Ignores, err = report.ParseIgnores(f.Ignore, src); err != nil {
			return o, fmt.Errorf("--ignore: %w", err)
		}
	}
	return o, nil
}

// finish judges a report and writes it. The error says how many findings fail the
// run.
func (o output) finish(r *finding.Report) error {
	if err := report.Judge(r, o.judging); err != nil {
		return fmt.Errorf("--baseline: %w", err)
	}
	var text bytes.Buffer
	if err := report.Write(&text, o.format, r, o.options()); err != nil {
		return err
	}
	if err := o.write(text.Bytes()); err != nil {
		return err
	}
	if n := r.Failing.Findings; n > 0 {
		what := "findings"
		if n == 1 {
			what = "finding"
		}
		return exitError{fmt.Errorf("%d %s at or above %s", n, what, r.Failing.Level), exitFindings}
	}
	return nil
}

// write writes to the file that was named, or to standard output.
func (o output) write(text []byte) error {
	if o.flags.Output == "" {
		_, err := o.std.out.Write(text)
		return err
	}
	if err := os.WriteFile(o.flags.Output, text, 0o600); err != nil {
		return fmt.Errorf("--output: %w", err)
	}
	return nil
}

func (o output) options() report.Options {
	opts := report.Options{File: o.flags.SARIFFile}
	if f, ok := o.std.out.(*os.File); ok && o.flags.Output == "" {
		opts.Colour = report.Colour(f, os.Getenv)
		if n, _, err := term.GetSize(int(f.Fd())); err == nil {
			opts.Width = n
		}
	}
	if n, err := strconv.Atoi(os.Getenv("COLUMNS")); err == nil && n > 20 {
		opts.Width = n // shells keep it to themselves: whoever exports it means it
	}
	return opts
}

// release is set where a release is built.
var release string

// version is the program's, as it was built.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// isFindings reports whether an error says that there are findings, which is no
// error of the program.
func isFindings(err error) bool {
	var e exitError
	return errors.As(err, &e) && e.code == exitFindings
}
