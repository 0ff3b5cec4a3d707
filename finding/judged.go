// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding

import "github.com/panoply-security/panoply/rule"

// What follows is not found but judged afterwards, by package report: against a
// baseline, an ignore file and the level at which a run fails.

// Status is what a baseline says of a finding.
type Status string

// The statuses. A finding without one was not compared.
const (
	StatusNew  Status = "new"  // not in the baseline, or milder there
	StatusSame Status = "same" // in the baseline too
)

// Acceptance is a line of the ignore file that covers a finding. An accepted
// finding fails no run, and still counts in score and verdict: it is there.
type Acceptance struct {
	Reason string `json:"reason"`
	Until  string `json:"until"` // the last day, 2027-01-31
}

// Baseline is the earlier report that this one was compared with.
type Baseline struct {
	Version string    `json:"version"`
	Target  string    `json:"target"`
	Grade   string    `json:"grade"`
	Score   int       `json:"score"`
	New     int       `json:"new"`
	Same    int       `json:"same"`
	Gone    []Finding `json:"gone"`    // found then, looked for now, and not found: what and where
	Unknown int       `json:"unknown"` // found then, and their mistake not tested now
}

// Failing says whether a run fails: Findings at or above Level that are neither
// accepted nor in the baseline.
type Failing struct {
	Level    rule.Severity `json:"level"` // None fails never
	Findings int           `json:"findings"`
}
