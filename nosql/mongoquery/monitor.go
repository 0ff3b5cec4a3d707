// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package mongoquery

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/rule"
)

// MonitorConfig is what a monitor takes for granted.
type MonitorConfig struct {
	// Declared are the operators that the code puts into filters which are no
	// [Filter]: `$gt` on every field, or `users.age.$gt` on one field of one
	// collection. Empty declares none.
	Declared []string
	// Report is called for every finding, on the goroutine that sends the command.
	// Nil calls nobody.
	Report func(context.Context, Finding)
	// Logger gets a line for each finding that was not there before. Nil is
	// slog.Default().
	Logger *slog.Logger
	// Next is called after this monitor, for the driver takes one.
	Next *event.CommandMonitor
}

// Finding is an operator that the code did not declare. It has no values.
type Finding struct {
	Rule       rule.ID // nosql/operator
	Command    string  // find, update, …
	Collection string
	Path       string // of the operator in the filter: password.$ne; cut at 256 bytes
}

const (
	maxFindings = 1024 // that are told apart in the log
	maxPath     = 256
	maxDepth    = 64
)

// Monitor returns a monitor for options.Client().SetMonitor.
func Monitor(cfg MonitorConfig) (*event.CommandMonitor, error) {
	m := &monitor{cfg: cfg, declared: map[string]bool{}, logged: map[Finding]bool{}}
	var faults fault.List
	for i, d := range cfg.Declared {
		field, operator, ok := strings.Cut(d, "$")
		if !ok || operator == "" || strings.ContainsAny(operator, "$.") || field != "" && strings.Count(field, ".") < 2 {
			faults.Addf(fmt.Sprintf("Declared[%d]", i), "$gt, or users.age.$gt", "%.80q is no operator", d)
		}
		m.declared[d] = true
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if m.cfg.Logger == nil {
		m.cfg.Logger = slog.Default()
	}
	next := cfg.Next
	if next == nil {
		next = &event.CommandMonitor{}
	}
	return &event.CommandMonitor{
		Started: func(ctx context.Context, e *event.CommandStartedEvent) {
			m.started(ctx, e)
			if next.Started != nil {
				next.Started(ctx, e)
			}
		},
		Succeeded: next.Succeeded,
		Failed:    next.Failed,
	}, nil
}

type monitor struct {
	cfg      MonitorConfig
	declared map[string]bool

	mu     sync.Mutex
	logged map[Finding]bool
}

// started looks at the filters of a command.
func (m *monitor) started(ctx context.Context, e *event.CommandStartedEvent) {
	s := search{ctx: ctx, monitor: m, command: e.CommandName}
	s.collection, _ = e.Command.Lookup(e.CommandName).StringValueOK()
	switch strings.ToLower(e.CommandName) {
	case "find":
		s.filter(e.Command.Lookup("filter"))
	case "count", "distinct":
		s.filter(e.Command.Lookup("query"))
	case "findandmodify":
		s.filter(e.Command.Lookup("query"))
	case "update":
		s.each(e.Command.Lookup("updates"), "q")
	case "delete":
		s.each(e.Command.Lookup("deletes"), "q")
	case "aggregate":
		s.matches(e.Command.Lookup("pipeline"), 0)
	}
}

// search is one command.
type search struct {
	ctx        context.Context
	monitor    *monitor
	command    string
	collection string
	path       []string
}

// each looks at the filters in a list of documents.
func (s *search) each(list bson.RawValue, name string) {
	array, ok := list.ArrayOK()
	if !ok {
		return
	}
	values, _ := array.Values()
	for _, v := range values {
		if d, ok := v.DocumentOK(); ok {
			s.filter(d.Lookup(name))
		}
	}
}

// matches looks for $match in a pipeline, and in those inside it.
func (s *search) matches(v bson.RawValue, depth int) {
	for _, e := range elements(v) {
		if depth > maxDepth {
			s.found("…")
			return
		}
		if e.Key() == "$match" {
			s.filter(e.Value())
		} else {
			s.matches(e.Value(), depth+1)
		}
	}
}

func elements(v bson.RawValue) []bson.RawElement {
	d, ok := v.DocumentOK()
	if !ok {
		var array bson.RawArray
		if array, ok = v.ArrayOK(); !ok {
			return nil
		}
		d = bson.Raw(array)
	}
	all, _ := d.Elements() // of a document that the driver has just written
	return all
}

// filter looks at one filter.
func (s *search) filter(v bson.RawValue) {
	if v.Type == bson.TypeEmbeddedDocument && written.has(v.Value) {
		return
	}
	s.walk(v, 0)
}

func (s *search) walk(v bson.RawValue, depth int) {
	if depth > maxDepth {
		s.found("…")
		return
	}
	array := v.Type == bson.TypeArray
	for _, e := range elements(v) {
		key, value := e.Key(), e.Value()
		if strings.HasPrefix(key, "$") && !s.isDeclared(key) {
			s.found(key)
		}
		if value.Type == bson.TypeEmbeddedDocument && written.has(value.Value) {
			continue
		}
		if !array {
			s.path = append(s.path, key)
		}
		s.walk(value, depth+1)
		if !array {
			s.path = s.path[:len(s.path)-1]
		}
	}
}

func (s *search) isDeclared(operator string) bool {
	return s.monitor.declared[operator] || s.monitor.declared[s.collection+"."+s.spell(operator)]
}

// spell is the path of an operator, by the fields alone: those between $and and $or.
func (s *search) spell(operator string) string {
	var b strings.Builder
	for _, name := range s.path {
		if !strings.HasPrefix(name, "$") {
			b.WriteString(name)
			b.WriteByte('.')
		}
		if b.Len() > maxPath {
			break
		}
	}
	b.WriteString(operator)
	if text := b.String(); len(text) > maxPath {
		return strings.ToValidUTF8(text[:maxPath], "") + "…"
	}
	return b.String()
}

func (s *search) found(operator string) {
	f := Finding{Rule: rule.NoSQLOperator, Command: s.command, Collection: s.collection, Path: s.spell(operator)}
	if s.monitor.cfg.Report != nil {
		s.monitor.cfg.Report(s.ctx, f)
	}
	if s.monitor.isNew(f) {
		s.monitor.cfg.Logger.LogAttrs(s.ctx, slog.LevelWarn, "undeclared query operator", slog.String("rule", string(f.Rule)),
			slog.String("command", f.Command), slog.String("collection", f.Collection), slog.String("operator", f.Path))
	}
}

// isNew reports whether a finding is worth a line in the log: once for each, and
// once for all that there is no room for.
func (m *monitor) isNew(f Finding) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.logged) >= maxFindings && !m.logged[f] {
		f = Finding{Rule: f.Rule} // stands for the rest
	}
	if m.logged[f] {
		return false
	}
	m.logged[f] = true
	return true
}
