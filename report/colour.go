// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"os"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Colour reports whether text for a file should have colours: on a terminal that
// can show them, unless NO_COLOR is set (no-color.org).
func Colour(f *os.File, getenv func(string) string) bool {
	if getenv("NO_COLOR") != "" || getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// paint wraps texts that are on one line and printable already in the codes of
// the terminal's own sixteen colours, which its user chose to be readable.
type paint bool

func (p paint) with(code, s string) string {
	if !p || s == "" {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p paint) bold(s string) string  { return p.with("1", s) }
func (p paint) faint(s string) string { return p.with("2", s) }

func (p paint) severity(of rule.Severity, s string) string {
	switch of {
	case rule.Critical:
		return p.with("1;31", s)
	case rule.High:
		return p.with("31", s)
	case rule.Medium:
		return p.with("33", s)
	case rule.Low:
		return p.with("36", s)
	}
	return s
}

func (p paint) verdict(of finding.Verdict, s string) string {
	switch of {
	case finding.Open:
		return p.with("31", s)
	case finding.Closed:
		return p.with("32", s)
	}
	return p.faint(s)
}

func (p paint) grade(s string) string {
	switch s {
	case "A+", "A":
		return p.with("1;32", s)
	case "B", "C":
		return p.with("1;33", s)
	}
	return p.with("1;31", s)
}
