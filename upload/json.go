// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"fmt"
	"io"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// jsonBytes is how large a file of JSON may be, and jsonRead how many are read
	// at a time in the process.
	jsonBytes = 8 << 20
	jsonRead  = 2
)

var readingJSON = make(chan struct{}, jsonRead)

// json reads a file that is declared as JSON.
func (rd *reading) json(p *inspect.Part, f *File, name fileName) (err error) {
	if f.off, f.Size, err = rd.content(p, rd.t.cfg.MaxFileBytes, "file of JSON"); err != nil {
		return err
	}
	if err := rd.keep(f, name); err != nil {
		return err
	}
	if f.Size > jsonBytes {
		return problem.Refuse(rule.RequestTooLarge, fmt.Sprintf("A file of JSON may have %d bytes.", jsonBytes))
	}
	select {
	case readingJSON <- struct{}{}:
		defer func() { <-readingJSON }()
	case <-rd.ctx.Done():
		return busy(rd.ctx.Err())
	}
	var value strings.Builder
	value.Grow(int(f.Size))
	if _, err := io.Copy(&value, f.Open()); err != nil {
		return busy(err)
	}
	return rd.o.JSON(f.Field, value.String())
}
