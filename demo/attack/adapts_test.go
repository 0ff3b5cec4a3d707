// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// The vulnerable shop understands the spellings that Express understands with
// its usual parsers, and no others.
func TestSpellingsThatReachTheShop(t *testing.T) {
	c, err := newClient(vulnerableShop(t), nil)
	if err != nil {
		t.Fatal(err)
	}

	t.Run("injections", func(t *testing.T) {
		harmless := []string{
			"the password twice, operator first", // The last one wins.
			"an array",
			"an array of the whole body",
			"text/json",
			"text/plain",
			"application/vnd.api+json",
			"no content type",
			"an array in a form",
			"brackets in the query",
			"brackets in a multipart field name",
		}
		for _, v := range injections {
			got := c.owns(t.Context(), tokenOf(c.do(t.Context(), v.request)), adminEmail)
			if want := !slices.Contains(harmless, v.name); got != want {
				t.Errorf("%s: logged in %v; want %v", v.name, got, want)
			}
		}
	})

	t.Run("carriers", func(t *testing.T) {
		harmless := []string{
			"role twice, admin first",
			"ROLE in upper case",
			"role inside user",
			"role inside $set", // The database refuses the document.
			"role in the query",
			"__proto__ in JSON",
			"__proto__ in a form",
			"constructor in JSON",
			"constructor in a form",
		}
		for _, carrier := range carriers {
			n := newAccount()
			c.do(t.Context(), carrier.request(n))
			kept, ok := c.me(t.Context(), tokenOf(c.do(t.Context(), postJSON("/api/login", credentials(n.email, n.password)))))
			got := ok && (kept.Name != n.name || kept.Role != "user")
			if want := !slices.Contains(harmless, carrier.name); got != want {
				t.Errorf("%s: kept %+v; want it changed: %v", carrier.name, kept, want)
			}
		}
	})

	t.Run("uploads", func(t *testing.T) {
		harmless := []string{
			"page named photo.png",       // It comes back as image/png.
			"two filenames, .html first", // Go's parser drops both names.
			"two filenames, .html last",  // So the part is no file.
			"two files, page last",       // The shop keeps the first.
		}
		for _, s := range smuggled {
			var harm string
			if stored, err := c.upload(t.Context(), request{}, s.parts...); err == nil {
				back, err := c.fetch(t.Context(), stored)
				if err != nil {
					t.Errorf("%s: %v", s.name, err)
				}
				harm = harmOf(stored, back)
			}
			if want := !slices.Contains(harmless, s.name); (harm != "") != want {
				t.Errorf("%s: got harm %q; want some: %v", s.name, harm, want)
			}
		}
	})
}

// Filters that read a request in another way than the shop behind them do not
// stop the injection.
func TestInjectionGetsAroundFilters(t *testing.T) {
	shop, err := url.Parse(vulnerableShop(t))
	if err != nil {
		t.Fatal(err)
	}
	proxy := httputil.NewSingleHostReverseProxy(shop)

	for _, test := range []struct {
		name   string
		blocks func(r *http.Request, body []byte) bool
		stops  bool
	}{
		{"the-article's-operator", func(_ *http.Request, body []byte) bool {
			return bytes.Contains(body, []byte("$ne"))
		}, false},
		{"a-list-of-operators", func(_ *http.Request, body []byte) bool {
			for _, operator := range []string{"$ne", "$gt", "$regex", "$exists", "$nin", "$not", "$type"} {
				if bytes.Contains(body, []byte(operator)) {
					return true
				}
			}
			return false
		}, false},
		{"dollar-in-the-bytes", func(_ *http.Request, body []byte) bool {
			return bytes.Contains(body, []byte("$"))
		}, false},
		{"dollar-or-escapes-in-the-bytes", func(_ *http.Request, body []byte) bool {
			return bytes.ContainsAny(body, "$%\\")
		}, false},
		{"operators-in-decoded-utf-8", func(r *http.Request, body []byte) bool {
			var value any
			if json.Unmarshal(body, &value) == nil {
				return hasOperator(value)
			}
			form, _ := url.ParseQuery(string(body))
			for key := range form {
				if strings.Contains(key, "$") {
					return true
				}
			}
			return false
		}, false},
		{"one-spelling-of-the-path", func(r *http.Request, body []byte) bool {
			return r.URL.Path == "/api/login" && !isPlainLogin(r, body)
		}, false},
		{"all-but-plain-logins", func(r *http.Request, body []byte) bool {
			return strings.Contains(strings.ToLower(r.URL.Path), "login") && !isPlainLogin(r, body)
		}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if test.blocks(r, body) {
					answerJSON(w, 400, map[string]string{"error": "Blocked"})
					return
				}
				r.Body = io.NopCloser(bytes.NewReader(body))
				proxy.ServeHTTP(w, r)
			}))
			defer server.Close()
			c, err := newClient(server.URL, nil)
			if err != nil {
				t.Fatal(err)
			}
			r := c.attack(t.Context(), 7)
			if r.Exploited == test.stops || !r.Worked || r.Err != nil {
				t.Errorf("got %+v", r)
			}
		})
	}
}

// isPlainLogin reports whether a body is two strings in JSON.
func isPlainLogin(r *http.Request, body []byte) bool {
	var login map[string]string
	return r.Header.Get("Content-Type") == "application/json" && r.Header.Get("Content-Encoding") == "" &&
		json.Unmarshal(body, &login) == nil
}

// hasOperator reports whether a key at any depth begins with a dollar sign.
func hasOperator(value any) bool {
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			if strings.HasPrefix(key, "$") || hasOperator(below) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(value, hasOperator)
	}
	return false
}
