// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"os"

	"github.com/panoply-security/panoply/finding"
)

// reportCmd writes a report that was kept as JSON in another form, so that one scan
// serves a person, a pull request and GitHub's code scanning.
type reportCmd struct {
	File string `arg:"" help:"A report of scan or audit in JSON." placeholder:"FILE"`

	outputFlags
}

func (c *reportCmd) Run(std streams) error {
	out, err := c.open(std)
	if err != nil {
		return err
	}
	f, err := os.Open(c.File)
	if err != nil {
		return exitError{err, exitUnreachable}
	}
	defer f.Close()
	r, err := finding.Decode(f)
	if err != nil {
		return exitError{fmt.Errorf("%s: %w", c.File, err), exitUnreachable}
	}
	return out.finish(r)
}
