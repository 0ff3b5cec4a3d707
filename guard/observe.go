// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"log/slog"
	"net/http"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/history"
	"github.com/panoply-security/panoply/problem"
)

// observers are those that the policy asks for, nil for none.
func observers(p panoply.Policy, log *slog.Logger, m *metrics, past *history.History) panoply.Observer {
	var all several
	if m != nil {
		all = append(all, m, past)
	}
	if p.AccessLog {
		all = append(all, accessLog{log})
	}
	if all == nil {
		return nil
	}
	return all
}

// several observers are told one after another.
type several []panoply.Observer

func (s several) Decided(r *http.Request, x *problem.Exchange, e *problem.Error, reported bool) {
	for _, o := range s {
		o.Decided(r, x, e, reported)
	}
}

func (s several) Answered(r *http.Request, x *problem.Exchange, a panoply.Answer) {
	for _, o := range s {
		o.Answered(r, x, a)
	}
}

// maxLogged bounds what a client has in a line of the access log.
const maxLogged = 256

// accessLog has a line for each request: never a query, a header or a body.
type accessLog struct{ log *slog.Logger }

func (accessLog) Decided(*http.Request, *problem.Exchange, *problem.Error, bool) {}

func (l accessLog) Answered(r *http.Request, x *problem.Exchange, a panoply.Answer) {
	path := r.URL.Path
	if len(path) > maxLogged {
		path = strings.ToValidUTF8(path[:maxLogged], "") + "…"
	}
	l.log.LogAttrs(r.Context(), slog.LevelInfo, "request", slog.String("method", r.Method), slog.String("path", path), slog.String("route", x.Route),
		slog.Int("status", a.Status), slog.String("client", x.Client.String()), slog.Duration("took", a.Ended.Sub(a.Began)), slog.Duration("added", a.Added), slog.String("id", x.ID))
}
