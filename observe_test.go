// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
)

// told remembers what an observer is told, in words.
type told struct{ all []string }

func (o *told) Decided(_ *http.Request, x *problem.Exchange, e *problem.Error, reported bool) {
	o.all = append(o.all, fmt.Sprintf("%s on %q reported %v", e.Rule, x.Route, reported))
}

func (o *told) Answered(_ *http.Request, x *problem.Exchange, a panoply.Answer) {
	if a.Added < 0 || a.Added > a.Ended.Sub(a.Began) {
		o.all = append(o.all, fmt.Sprintf("added %v of %v", a.Added, a.Ended.Sub(a.Began)))
	}
	o.all = append(o.all, fmt.Sprintf("%d on %q", a.Status, x.Route))
}

func TestObserver(t *testing.T) {
	const policy = `{mode: report, rate_limits: {no_general_limit: true}, nosql: enforce, bodies: {routes: [{match: "POST /items", schema: {properties: {a: {type: integer}}}}]}}`
	for name, tt := range map[string]struct {
		method, target, body string
		want                 []string
	}{
		"passes":        {"POST", "/items", `{"a":1}`, []string{`200 on "POST /items"`}},
		"no-pattern":    {"GET", "/", "", []string{`200 on ""`}},
		"would-refuse":  {"POST", "/items", `{"a":"x"}`, []string{`validate/schema on "POST /items" reported true`, `200 on "POST /items"`}},
		"refuses":       {"POST", "/items", `{"a":{"$ne":1}}`, []string{`nosql/operator on "POST /items" reported false`, `400 on "POST /items"`}},
		"breaks-off":    {"GET", "/abort", "", []string{`0 on ""`}},
		"panics":        {"GET", "/panic", "", []string{`500 on ""`}},
		"replaces-none": {"GET", "/500", "", []string{`errors/body on "" reported true`, `500 on ""`}},
	} {
		t.Run(name, func(t *testing.T) {
			var o told
			suit, err := panoply.New(parse(t, policy), panoply.WithObserver(&o), panoply.WithLogger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			r := httptest.NewRequest(tt.method, tt.target, strings.NewReader(tt.body))
			if tt.body != "" {
				r.Header.Set("Content-Type", "application/json")
			}
			func() {
				defer func() { recover() }()
				suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					switch r.URL.Path {
					case "/abort":
						panic(http.ErrAbortHandler)
					case "/panic":
						panic("x")
					case "/500":
						w.WriteHeader(500)
					}
				})).ServeHTTP(httptest.NewRecorder(), r)
			}()
			if !slices.Equal(o.all, tt.want) {
				t.Errorf("told %q; want %q", o.all, tt.want)
			}
		})
	}
}
