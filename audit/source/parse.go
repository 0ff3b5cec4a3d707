// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	ts "github.com/microsoft/typescript-go/panoply"
)

// parse makes the syntax trees of all files, several at a time.
func (t *Tree) parse(ctx context.Context, workers int) error {
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	next := make(chan *File)
	var done sync.WaitGroup
	for range min(workers, max(1, len(t.Files))) {
		done.Go(func() {
			for f := range next {
				parse(f)
			}
		})
	}
	for _, f := range t.Files {
		if ctx.Err() != nil {
			break
		}
		next <- f
	}
	close(next)
	done.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	kept := t.Files[:0]
	for _, f := range t.Files {
		t.Problems = append(t.Problems, f.Errors...)
		if f.AST != nil {
			kept = append(kept, f)
		}
	}
	t.Files = slices.Clip(kept)
	return nil
}

// parse makes one syntax tree. What goes wrong in the parser is that file's
// problem alone.
func parse(f *File) {
	if deep(f.Text) {
		f.Errors = []Problem{{Path: f.Path, Message: fmt.Sprintf("skipped: nested deeper than %d, or a chain of more than %d links", MaxDepth, MaxLinks)}}
		return
	}
	defer func() {
		if p := recover(); p != nil {
			f.AST = nil
			f.Errors = []Problem{{Path: f.Path, Message: fmt.Sprintf("skipped: the parser failed: %v", p)}}
		}
	}()
	file := ts.Parse(f.Path, f.Text)
	for _, e := range ts.Errors(file) {
		line, _ := ts.LineColumn(file, e.Pos)
		f.Errors = append(f.Errors, Problem{f.Path, line, "syntax: " + e.Message})
		break // the others mostly follow from the first
	}
	f.AST = file
}

// deep says whether a text may nest so deep that a parser that calls itself
// would run out of stack, which no recover catches. It counts brackets and what
// else a grammar nests without them (prefix operators, arrows, conditionals,
// branches) and knows neither strings nor comments, so it may count too much:
// the bounds are far above what people write.
func deep(text string) bool {
	depth, run, links := 0, 0, 0
	statement := 0
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '(', '[', '{':
			if depth++; depth > MaxDepth {
				return true
			}
			run = 0
			if c == '{' {
				links = 0
			}
		case ')', ']', '}':
			if depth > 0 {
				depth--
			}
			run, statement = 0, 0
			if c == '}' {
				links = 0
			}
		case '!', '-', '+', '~', '<':
			if run++; run > 10*MaxDepth && c != '-' || run > 1<<16 { // ruled lines are made of dashes
				return true
			}
		case ' ', '\t', '\n', '\r':
		case ';':
			run, statement, links = 0, 0, 0
		case ',':
			run, links = 0, 0
		case '.', '?', '>':
			run = 0
			// Dots, arrows and question marks that follow nothing of their kind: each
			// may stand on all that is before it.
			if i > 0 && text[i-1] != c && (c != '>' || text[i-1] == '=') {
				if links++; links > MaxLinks {
					return true
				}
			}
		default:
			run = 0
		}
		// A statement or expression of this length without a bracket that closes
		// or a semicolon is no program that somebody wrote.
		if statement++; statement > 1<<18 {
			return true
		}
	}
	return false
}
