// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// grace is given to every body, whatever its rate.
const grace = 10 * time.Second

// receive reads from the client, as long as that is not too slow.
func (rd *reading) receive(b []byte) (int, error) {
	cfg, began := &rd.t.cfg, rd.t.now()
	if rd.o.Deadline != nil {
		rd.o.Deadline(began.Add(cfg.Idle))
		defer rd.o.Deadline(time.Time{})
	}
	n, err := rd.body.Read(b)
	if rd.stream.isClosed() {
		return 0, os.ErrClosed
	}
	took := rd.t.now().Sub(began)
	rd.waited += took
	rd.got += int64(n)
	late := took > cfg.Idle || (rd.waited-grace).Seconds() > float64(rd.got)/float64(cfg.MinRate)
	if errors.Is(err, os.ErrDeadlineExceeded) || late && err == nil {
		e := problem.Refuse(rule.RequestAborted, "The body did not arrive in time.").Because(err)
		e.Status = http.StatusRequestTimeout
		return n, e
	}
	return n, err
}
