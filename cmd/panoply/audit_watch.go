// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/panoply-security/panoply/audit"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/printable"
	"github.com/panoply-security/panoply/report"
)

// lookEvery is how often --watch looks for changes.
const lookEvery = time.Second

// watch writes the report once, and then what each change of the source brought
// and took. Ctrl-C ends it, which is no error.
func (c *auditCmd) watch(ctx context.Context, o audit.Options, out output) error {
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	w := &watcher{out: out, quiet: c.Quiet}
	return audit.Watch(ctx, c.Dir, o, tick.C, w.audited)
}

// watcher tells one audit from the one before.
type watcher struct {
	out    output
	quiet  bool
	before *finding.Report
}

func (w *watcher) audited(r *finding.Report, app *audit.App, err error) error {
	if err != nil {
		if w.before == nil { // there was never anything to watch
			return exitError{errors.New(printable.Line(err.Error())), exitUnreachable}
		}
		fmt.Fprintln(w.out.std.err, "panoply: error:", printable.Line(err.Error()))
		return nil
	}
	if w.before == nil {
		if err := w.out.finish(r); err != nil && !isFindings(err) {
			return err
		}
		w.say("watching %d files with %d routes; Ctrl-C ends it", len(app.Tree.Files), len(app.Routes))
	} else {
		judging := w.out.judging
		judging.Baseline = w.before
		if err := report.Judge(r, judging); err != nil {
			return err
		}
		w.differences(r)
	}
	w.before = r
	return nil
}

// differences are a line for each finding that is new or gone.
func (w *watcher) differences(r *finding.Report) {
	line := func(sign string, f finding.Finding) {
		fmt.Fprintln(w.out.std.out, printable.Line(fmt.Sprintf("%s %-8s %-24s %s  %s", sign, f.Severity, f.Rule, f.Location, f.Message)))
	}
	for _, f := range r.Baseline.Gone {
		line("-", f)
	}
	for _, f := range r.Findings {
		if f.Status == finding.StatusNew {
			line("+", f)
		}
	}
	w.say("%d findings: %d new, %d gone", len(r.Findings), r.Baseline.New, len(r.Baseline.Gone))
}

func (w *watcher) say(format string, args ...any) {
	if !w.quiet {
		fmt.Fprintf(w.out.std.err, "panoply: "+format+"\n", args...)
	}
}
