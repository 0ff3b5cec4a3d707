// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"errors"
	"fmt"

	"github.com/panoply-security/panoply/rule"
)

// scan has a file that passed everything else looked at for viruses.
func (rd *reading) scan(f *File) error {
	if rd.t.scanner == nil {
		return nil
	}
	found, err := rd.t.scanner.Scan(rd.ctx, f.Open())
	switch {
	case err == nil && found == "":
		return nil
	case err == nil:
		e := refusal(rule.UploadVirus, "A virus was found in it.", f.Field).Because(fmt.Errorf("the scanner found %.100q", found))
		return rd.judged(e)
	}
	if rd.ctx.Err() != nil { // the client has gone: that says nothing of the scanner
		return busy(rd.ctx.Err())
	}
	e := refusal(rule.UploadUnscanned, "", "").Because(err)
	e.Retry = busyRetry
	if rd.t.cfg.Clamd.WhenDown != Allow || errors.Is(err, errScannerBusy) {
		return rd.judged(e)
	}
	if rd.o.Note != nil {
		rd.o.Note(e)
	}
	return nil
}
