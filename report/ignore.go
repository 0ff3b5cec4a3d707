// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/internal/conf"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/rule"
)

// Ignores is a file of accepted findings, each with a reason and a last day:
//
//	accept:
//	  - rule: headers/csp-weak
//	    at: /admin/*
//	    reason: the old editor needs inline scripts; it goes with release 9
//	    until: 2027-01-31
//	  - fingerprint: bab9ab4ae39f621352b09330f12e9ce0
//	    reason: a test account on a closed network
//	    until: 2027-03-01
//
// A line covers a finding if everything it names fits: the rule, the fingerprint,
// and where it is, which is the path of an address or a file, * standing for
// anything. An accepted finding fails no run; score and verdict still count it.
type Ignores struct {
	accept []acceptance
}

type ignoreFile struct {
	Accept []acceptance `yaml:"accept"`
}

type acceptance struct {
	Rule        string `yaml:"rule"`
	At          string `yaml:"at"`
	Fingerprint string `yaml:"fingerprint"`
	Reason      string `yaml:"reason"`
	Until       string `yaml:"until"`

	last time.Time
}

// maxAccept bounds the lines of an ignore file: each is tried on each finding.
const maxAccept = 1000

// ParseIgnores reads an ignore file. The error holds everything that is wrong
// with it, each with its line.
func ParseIgnores(name string, src []byte) (*Ignores, error) {
	var file ignoreFile
	at, err := conf.Decode(name, src, &file)
	if err != nil {
		return nil, err
	}
	var faults fault.List
	if len(file.Accept) > maxAccept {
		faults.Addf("accept", "accept by rule and path", "%d lines; at most %d", len(file.Accept), maxAccept)
	}
	for i := range file.Accept {
		a := &file.Accept[i]
		where := fmt.Sprintf("accept[%d]", i)
		switch {
		case a.Rule == "" && a.Fingerprint == "":
			faults.Add(where, "it names neither a rule nor a fingerprint", "rule: headers/csp-weak")
		case a.Rule != "" && rule.Lookup(rule.ID(a.Rule)) == nil:
			faults.Addf(where+".rule", "the ids are in the report", "no rule has the id %q", a.Rule)
		}
		if strings.TrimSpace(a.Reason) == "" {
			faults.Add(where+".reason", "is missing", "say why it may stay")
		}
		if a.last, err = time.Parse(time.DateOnly, a.Until); err != nil {
			faults.Add(where+".until", "is no day", "until: 2027-01-31")
		}
	}
	if err := faults.Err(); err != nil {
		return nil, at.Problems(err)
	}
	return &Ignores{file.Accept}, nil
}

// apply marks what is accepted.
func (ig *Ignores) apply(r *finding.Report, now time.Time) {
	if ig == nil {
		return
	}
	for i := range ig.accept {
		a := &ig.accept[i]
		expired := !now.Before(a.last.AddDate(0, 0, 1)) // the last day counts, in UTC
		covered := 0
		for j := range r.Findings {
			f := &r.Findings[j]
			if !a.covers(f) {
				continue
			}
			if covered++; !expired && f.Accepted == nil {
				f.Accepted = &finding.Acceptance{Reason: a.Reason, Until: a.Until}
			}
		}
		switch {
		case covered == 0:
			r.Note(fmt.Sprintf("nothing to accept for %s: the line can go", a))
		case expired:
			r.Note(fmt.Sprintf("accepted only until %s: %s", a.Until, a))
		}
	}
}

func (a *acceptance) covers(f *finding.Finding) bool {
	return (a.Rule == "" || a.Rule == string(f.Rule)) &&
		(a.Fingerprint == "" || a.Fingerprint == f.Fingerprint) &&
		(a.At == "" || matches(a.At, f.Location.Path()))
}

func (a *acceptance) String() string {
	return strings.Join(strings.Fields(a.Rule+" "+a.At+" "+a.Fingerprint), " ")
}

// matches reports whether s is like the pattern, in which * stands for anything.
func matches(pattern, s string) bool {
	parts := strings.Split(pattern, "*")
	last := len(parts) - 1
	if last == 0 {
		return pattern == s
	}
	s, fits := strings.CutPrefix(s, parts[0])
	if !fits {
		return false
	}
	for _, p := range parts[1:last] {
		var found bool
		if _, s, found = strings.Cut(s, p); !found {
			return false
		}
	}
	return strings.HasSuffix(s, parts[last])
}
