// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package conf

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// Problem is one thing wrong with a file.
type Problem struct {
	File         string
	Line, Column int    // from 1, in characters; 0 if it has no place
	Path         string // rate_limits.rules[0].window; empty for the whole file
	Message      string // lower case, no full stop
	Hint         string // what to write instead; may be empty
}

// Error gives the problem in one line, in the form that editors jump to.
func (p Problem) Error() string {
	var b strings.Builder
	b.WriteString(p.File)
	if p.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", p.Line, p.Column)
	}
	if b.Len() > 0 {
		b.WriteString(": ")
	}
	b.WriteString(fault.Fault{Path: p.Path, Message: p.Message, Hint: p.Hint}.Error())
	return b.String()
}

// Problems is everything wrong with a file, in the file's order.
type Problems []Problem

// Error gives each problem a line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.Error()
	}
	return strings.Join(lines, "\n")
}

// Err returns the problems as an error, or nil if there are none.
func (ps Problems) Err() error {
	if len(ps) == 0 {
		return nil
	}
	return ps
}

func (ps Problems) sort() {
	slices.SortStableFunc(ps, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
}

// A collector gathers the problems of one file.
type collector struct {
	file     string
	problems Problems
	more     int // problems beyond maxProblems
}

// at notes a problem at a line and column.
func (c *collector) at(line, column int, path, message, hint string) {
	if len(c.problems) == maxProblems {
		c.more++
		return
	}
	c.problems = append(c.problems, Problem{c.file, line, column, path, message, hint})
}

// add notes a problem with a node.
func (c *collector) add(n *node, path, message, hint string) {
	c.at(n.line, n.column, path, message, hint)
}

func (c *collector) err() error {
	c.problems.sort()
	if c.more > 0 {
		c.problems = append(c.problems, Problem{File: c.file, Message: strconv.Itoa(c.more) + " more problems are not listed"})
		c.more = 0
	}
	return c.problems.Err()
}

// Positions knows where in a file each value stands.
type Positions struct {
	file string
	root *node
}

// Locate returns the place of the value at path, such as
// rate_limits.rules[0].window, or of the nearest value above it that the file
// has. A value that starts below its key's line has its key's place.
func (p *Positions) Locate(path string) (line, column int) {
	if p == nil || p.root == nil {
		return 0, 0
	}
	n := p.root
	for path != "" {
		child, rest := n.step(path)
		if child == nil {
			break
		}
		n, path = child, rest
	}
	return n.line, n.column
}

// Problems turns an error about what the file says into problems with places.
// A [fault.List], on its own or joined or wrapped, gives one for each fault;
// any other error stands at the top of the file.
func (p *Positions) Problems(err error) Problems {
	var ps Problems
	p.collect(&ps, err)
	ps.sort()
	return ps
}

func (p *Positions) collect(ps *Problems, err error) {
	if err == nil {
		return
	}
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range joined.Unwrap() {
			p.collect(ps, e)
		}
		return
	}
	var located Problems
	if errors.As(err, &located) {
		*ps = append(*ps, located...)
		return
	}
	for _, f := range faults(err) {
		line, column := p.Locate(f.Path)
		file := ""
		if p != nil {
			file = p.file
		}
		*ps = append(*ps, Problem{file, line, column, f.Path, f.Message, f.Hint})
	}
}

// faults takes an error apart into the faults it stands for.
func faults(err error) fault.List {
	var one fault.Fault
	if errors.As(err, &one) {
		return fault.List{one}
	}
	var all fault.List
	all.Join("", err)
	return all
}
