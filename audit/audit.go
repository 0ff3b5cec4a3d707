// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package audit reads the source of an Express app and says which of the seven
// mistakes it makes, where, and how what a client sends gets there.
//
//	r, app, err := audit.Run(ctx, "path/to/app", audit.Options{Version: version})
//	err = report.Write(os.Stdout, report.Text, r, report.Options{})
//
// Nothing of the app is run, and nothing is sent anywhere. Dependencies, build
// output, front end and tests are left out unless they are asked for.
//
// A comment takes a finding back, on its line or the line above, if it says why:
//
//	// panoply-ignore nosql/operator: ids come from our own gateway, as strings
//
// # Bounds
//
// See packages source and model: files, bytes, nesting and steps are all bounded,
// and a report says what was left out.
package audit

import (
	"context"
	"fmt"
	"io"
	"path"
	"regexp"
	"strings"
	"time"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/audit/remedy"
	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/finding"
)

// Options say what is read.
type Options struct {
	source.Options
	Version string // of the tool, for the report
}

// App is what was learned of the app beside its faults.
type App struct {
	*model.Program
	Findings []finding.Finding

	needs []checks.Need
}

// WritePolicy writes the guard's policy that closes what was found, for the
// routes of this app, each rule with the place that asks for it.
func (a *App) WritePolicy(w io.Writer) error { return remedy.Write(w, a.Program, a.Findings, a.needs) }

// Run audits the app in a directory.
func Run(ctx context.Context, dir string, o Options) (*finding.Report, *App, error) {
	started := time.Now()
	tree, err := source.Load(ctx, dir, o.Options)
	if err != nil {
		return nil, nil, err
	}
	result := checks.Run(ctx, tree)
	program := result.Program
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	r := finding.NewReport("panoply audit", o.Version, dir)
	ignored := 0
	app := &App{Program: program, needs: result.Needs}
	for _, f := range result.Findings {
		if takenBack(tree, f) {
			ignored++
			continue
		}
		app.Findings = append(app.Findings, f)
		r.Add(f)
	}
	for n := 1; n <= 7; n++ {
		if len(program.Apps)+len(program.Routes) > 0 {
			r.Tested(n)
		} else {
			r.NotTested(n, "no Express app was found in "+path.Base(tree.Root))
		}
	}
	r.Run = &finding.Run{Started: started, DurationMS: time.Since(started).Milliseconds(), Files: len(tree.Files)}
	if ignored > 0 {
		r.Note(fmt.Sprintf("%d findings were taken back by comments", ignored))
	}
	for _, p := range tree.Problems {
		where := p.Path
		if p.Line > 0 {
			where += fmt.Sprintf(":%d", p.Line)
		}
		r.Note(where + ": " + p.Message)
	}
	for _, m := range program.Missing {
		r.Note("not found: " + m)
	}
	for _, f := range program.Failed {
		r.Note("not gone through: " + f)
	}
	if program.Stopped {
		r.Note("the app is too large to be gone through completely")
	}
	r.Finish()
	return r, app, nil
}

var comment = regexp.MustCompile(`(?://|/\*|\*)\s*panoply-ignore\s+([a-z*]+/[a-z*-]+(?:\s*,\s*[a-z*]+/[a-z*-]+)*)\s*:\s*\S`)

// takenBack says whether a comment on the finding's line, or the one above, takes
// it back and says why.
func takenBack(tree *source.Tree, f finding.Finding) bool {
	file := tree.File(f.Location.File)
	if file == nil || !strings.Contains(file.Text, "panoply-ignore") {
		return false
	}
	lines := strings.Split(file.Text, "\n")
	for _, n := range []int{f.Location.Line - 1, f.Location.Line - 2} {
		if n < 0 || n >= len(lines) {
			continue
		}
		m := comment.FindStringSubmatch(lines[n])
		if m == nil {
			continue
		}
		for _, id := range strings.Split(m[1], ",") {
			if ok, _ := path.Match(strings.TrimSpace(id), string(f.Rule)); ok {
				return true
			}
		}
	}
	return false
}
