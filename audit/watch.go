// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package audit

import (
	"context"
	"time"

	"github.com/panoply-security/panoply/audit/source"
	"github.com/panoply-security/panoply/finding"
)

// Watch audits an app, and again after each change of its files, until ctx ends.
// At every tick it looks at names, sizes and times of the files that an audit
// reads, and audits once a change has been there unchanged for one tick more, as
// an editor or a checkout may still be writing. each is told of every audit,
// or why there is none; what it returns ends the watch.
//
// Nothing is kept from one audit to the next but these times: an audit of a whole
// app costs less than keeping track of what a change reaches.
func Watch(ctx context.Context, dir string, o Options, ticks <-chan time.Time, each func(*finding.Report, *App, error) error) error {
	audited, last := "", ""
	for first := true; ; first = false {
		now, err := source.Stamp(ctx, dir, o.Options)
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			now = err.Error() // a directory that is gone may come back
		}
		if first || now != audited && now == last {
			audited = now
			r, app, err := Run(ctx, dir, o)
			if ctx.Err() != nil {
				return nil
			}
			if err := each(r, app, err); err != nil {
				return err
			}
		}
		last = now
		select {
		case <-ctx.Done():
			return nil
		case <-ticks:
		}
	}
}
