// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package fault collects what is wrong with a configuration, so that every
// problem is reported at once, each with the path of its field and a hint.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Fault is one thing wrong with a configuration.
type Fault struct {
	Path    string // of the field, as the policy file spells it: rules[0].window
	Message string // what is wrong, lower case, no full stop
	Hint    string // what to write instead; may be empty
}

// Error gives path, message and hint in one line.
func (f Fault) Error() string {
	s := f.Message
	if f.Path != "" {
		s = f.Path + ": " + s
	}
	if f.Hint != "" {
		s += " (hint: " + f.Hint + ")"
	}
	return s
}

// List is every fault of one configuration. The zero value is ready to use.
type List []Fault

// Add notes a fault.
func (l *List) Add(path, message, hint string) {
	*l = append(*l, Fault{path, message, hint})
}

// Addf notes a fault whose message is formatted.
func (l *List) Addf(path, hint, format string, args ...any) {
	l.Add(path, fmt.Sprintf(format, args...), hint)
}

// Join adds the faults of a part of the configuration, their paths put below
// path. An error that is no List is added as one fault; nil adds nothing.
func (l *List) Join(path string, err error) {
	if err == nil {
		return
	}
	var part List
	if !errors.As(err, &part) {
		l.Add(path, err.Error(), "")
		return
	}
	for _, f := range part {
		f.Path = joinPath(path, f.Path)
		*l = append(*l, f)
	}
}

func joinPath(above, below string) string {
	switch {
	case above == "":
		return below
	case below == "" || strings.HasPrefix(below, "["):
		return above + below
	}
	return above + "." + below
}

// Err returns the list as an error, or nil when it is empty.
func (l List) Err() error {
	if len(l) == 0 {
		return nil
	}
	return l
}

// Error gives one fault a line.
func (l List) Error() string {
	lines := make([]string, len(l))
	for i, f := range l {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}
