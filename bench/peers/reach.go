// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"net"
	"time"
)

// reach says whether semgrep's registry of rules is to be had: without it semgrep
// tries for minutes and then says nothing.
func reach(ctx context.Context) error {
	d := net.Dialer{Timeout: 20 * time.Second}
	c, err := d.DialContext(ctx, "tcp", "semgrep.dev:443")
	if err != nil {
		return errors.New("its rules come from its registry, semgrep.dev, which was not reached; the package brings none")
	}
	return c.Close()
}
