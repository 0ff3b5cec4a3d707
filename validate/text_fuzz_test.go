// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/validate"
)

// FuzzStrippedQuery holds that no query makes the check panic, and that what is left of
// one that was stripped fits as it is, keeps its order and has only what is
// declared, however net/url reads it.
func FuzzStrippedQuery(f *testing.F) {
	for _, s := range []string{"q=a&role=b", "q=a&filter[min]=1&filter[x]=2", "?q=a", "q=a&tag[]=x&tag[1]=y", "q=a&map[k=1]=2", "q=a&rows[0][n]=1&rows[0][m]=2&&", "q=a&ids=1,2&a[b", "q=%61&price=1e3&all=true", "=&q=a&[]=1"} {
		f.Add(s)
	}
	players := map[validate.Unknown]func(testing.TB, *http.Request) string{}
	for _, unknown := range []validate.Unknown{validate.Strip, validate.Reject} {
		players[unknown] = player(f, validate.Config{Routes: []validate.Route{{Match: "/", Unknown: unknown, Query: json.RawMessage(pageSchema)}}})
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if len(raw) > 4096 {
			return
		}
		send := func(raw string, unknown validate.Unknown) string {
			r := httptest.NewRequest("GET", "/", nil)
			r.URL.RawQuery = raw
			return players[unknown](t, r)
		}
		left, passes := strings.CutPrefix(send(raw, validate.Strip), "?")
		if !passes {
			return
		}
		left = strings.TrimSuffix(left, " ")
		if again := send(left, validate.Reject); again != "?"+left+" " {
			t.Errorf("%q leaves %q, of which is said: %s", raw, left, again)
		}
		values, err := url.ParseQuery(strings.ReplaceAll(left, ";", "%3B")) // it alone refuses semicolons
		if err != nil {
			t.Errorf("%q leaves %q: %v", raw, left, err)
		}
		for name := range values {
			top, _, _ := strings.Cut(name, "[")
			if !strings.Contains(pageSchema, `"`+top+`":`) || top == "" {
				t.Errorf("%q leaves %q", raw, left)
			}
		}
		if left != "" {
			for part := range strings.SplitSeq(left, "&") {
				if !strings.Contains("&"+raw+"&", "&"+part+"&") {
					t.Errorf("%q leaves %q, which it had not", raw, part)
				}
			}
		}
	})
}
