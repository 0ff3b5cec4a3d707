// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
)

// weaknesses each take one defence from the toy shop and name the mistake
// whose attack must notice, and no other.
var weaknesses = []struct {
	name    string
	mistake int // 0 for none
	weaken  func(*toy)
}{
	{"nothing", 0, func(*toy) {}},

	{"no-headers", 1, func(s *toy) { s.headers = func(http.Header) {} }},
	{"policy-is-report-only", 1, without(func(h http.Header) {
		h["Content-Security-Policy-Report-Only"] = h["Content-Security-Policy"]
		h.Set("Content-Security-Policy", "frame-ancestors 'self'")
	})},
	{"inline-scripts-allowed", 1, without(func(h http.Header) {
		h.Set("Content-Security-Policy", "default-src 'self' 'unsafe-inline'; frame-ancestors 'self'")
	})},
	{"scripts-from-anywhere", 1, without(func(h http.Header) {
		h.Set("Content-Security-Policy", "default-src 'self'; script-src 'self' https:; frame-ancestors 'self'")
	})},
	{"constant-nonce", 1, without(func(h http.Header) {
		h.Set("Content-Security-Policy", "script-src 'nonce-abc'; frame-ancestors 'self'")
	})},
	{"framing-allowed", 1, without(func(h http.Header) { h.Set("Content-Security-Policy", "default-src 'self'") })},
	{"framework-named", 1, without(func(h http.Header) { h.Set("X-Powered-By", "Express") })},
	{"sniffing-allowed", 1, without(func(h http.Header) { h.Del("X-Content-Type-Options") })},
	{"no-hsts", 1, without(func(h http.Header) { h.Del("Strict-Transport-Security") })},
	{"frame-options-instead-of-frame-ancestors", 0, without(func(h http.Header) {
		h.Set("Content-Security-Policy", "default-src 'self'")
		h.Set("X-Frame-Options", "SAMEORIGIN")
	})},

	{"no-limit", 2, func(s *toy) { s.limitKey = func(*http.Request) string { return "" } }},
	{"limit-trusts-x-forwarded-for", 2, limitBy(func(r *http.Request) string { return r.Header.Get("X-Forwarded-For") })},
	{"limit-trusts-forwarded", 2, limitBy(func(r *http.Request) string { return r.Header.Get("Forwarded") })},
	{"limit-by-letter-case", 2, limitBy(func(r *http.Request) string { return r.URL.Path })},
	{"limit-by-query", 2, limitBy(func(r *http.Request) string { return r.URL.RawQuery })},
	{"limit-by-session", 2, limitBy(func(r *http.Request) string { return r.Header.Get("Cookie") })},

	{"role-kept", 3, func(s *toy) {
		s.userField = func(user, body map[string]any) {
			user["name"], _ = body["name"].(string)
			if role, ok := body["role"].(string); ok {
				user["role"] = role
			}
		}
	}},
	{"role-of-any-type-kept", 3, func(s *toy) {
		s.userField = func(user, body map[string]any) {
			user["name"], _ = body["name"].(string)
			if role, ok := body["role"].([]any); ok {
				user["role"] = role
			}
		}
	}},
	{"name-of-any-type-kept", 3, func(s *toy) {
		s.userField = func(user, body map[string]any) { user["name"] = body["name"] }
	}},
	{"role-shown-but-not-kept", 0, func(s *toy) {
		s.created = func(_, body map[string]any) any { return body }
	}},

	{"stack-in-error", 4, leaking("TypeError: x is not a function\n    at login (/srv/app/routes/login.js:10:67)")},
	{"address-in-error", 4, leaking("connect ECONNREFUSED 10.0.1.42:5432")},
	{"driver-text-in-error", 4, leaking("MongoServerError: unknown operator: $foo")},
	{"path-in-error", 4, leaking("ENOENT: no such file or directory, open '/srv/app/config.json'")},
	{"prose-in-error", 0, leaking("Meet us at the station (10:15), open /daily from 10.5.1. File a report, line 3.")},

	{"no-http-only", 5, func(s *toy) { s.cookie = "; SameSite=Lax; Secure" }},
	{"no-same-site", 5, func(s *toy) { s.cookie = "; HttpOnly; Secure" }},
	{"same-site-none", 5, func(s *toy) { s.cookie = "; HttpOnly; Secure; SameSite=None" }},
	{"no-secure", 5, func(s *toy) { s.cookie = "; HttpOnly; SameSite=Lax" }},
	{"no-expiry", 5, func(s *toy) {
		s.claims = func(map[string]any) {}
		s.verify = rightSignature
	}},
	{"tutorial-secret", 5, func(s *toy) { s.secret = "your-256-bit-secret" }},
	{"old-secret-still-accepted", 5, func(s *toy) {
		s.verify = func(t token, secret string) bool { return strictVerify(t, secret) || strictVerify(t, "changeme") }
	}},
	{"unsigned-tokens-accepted", 5, func(s *toy) {
		s.verify = func(t token, secret string) bool {
			return strictVerify(t, secret) || t.header["alg"] == "none"
		}
	}},
	{"signature-not-checked", 5, func(s *toy) { s.verify = func(token, string) bool { return true } }},

	{"any-upload", 6, func(s *toy) { s.accepts = func(string, string, []byte) bool { return true } }},
	{"declared-type-believed", 6, func(s *toy) {
		s.accepts = func(_, contentType string, _ []byte) bool { return contentType == "image/png" }
	}},
	{"only-magic-bytes", 6, func(s *toy) {
		s.accepts = func(_, _ string, content []byte) bool { return strings.HasPrefix(string(content), "\x89PNG") }
	}},
	{"list-of-bad-extensions", 6, func(s *toy) {
		s.accepts = func(name, _ string, _ []byte) bool {
			return !slices.Contains([]string{".html", ".php", ".exe", ".js"}, strings.ToLower(path.Ext(name)))
		}
	}},
	{"only-extensions", 6, func(s *toy) {
		s.accepts = func(name, _ string, _ []byte) bool { return path.Ext(name) == ".png" }
	}},
	{"size-believed", 6, func(s *toy) {
		s.maxUpload = func(r *http.Request) int64 {
			if r.ContentLength > maxFile {
				return 0
			}
			return 1 << 30
		}
	}},
	{"pages-served-as-attachments", 0, func(s *toy) {
		s.accepts = func(name, _ string, content []byte) bool {
			return isPNG(content) || strings.Contains(string(content), "<")
		}
		s.serve = func(h http.Header, stored string) {
			h.Set("Content-Type", typeOf(stored))
			h.Set("Content-Disposition", "attachment")
		}
	}},

	{"operators", 7, operators(strictBody)},
	{"operators-open-another-account", 0, func(s *toy) {
		operators(strictBody)(s)
		claims := s.claims
		s.claims = func(c map[string]any) {
			claims(c)
			if c["email"] == adminEmail {
				c["email"], c["role"] = aliceEmail, "user"
			}
		}
	}},
	{"operators-in-any-type", 7, operators(func(contentType string, body []byte) map[string]any {
		if contentType == "application/json" && strings.Contains(string(body), "$") {
			return nil
		}
		return jsonBody(body)
	})},
}

// without returns a weakness that changes the headers.
func without(change func(http.Header)) func(*toy) {
	return func(s *toy) {
		set := s.headers
		s.headers = func(h http.Header) {
			set(h)
			change(h)
		}
	}
}

// limitBy returns a limit for each address together with something else.
func limitBy(key func(*http.Request) string) func(*toy) {
	return func(s *toy) {
		s.limitKey = func(r *http.Request) string { return clientAddress(r) + key(r) }
	}
}

func leaking(text string) func(*toy) {
	return func(s *toy) { s.broken = func() string { return text } }
}

// operators returns a login that treats any object as a condition that holds.
func operators(read func(string, []byte) map[string]any) func(*toy) {
	return func(s *toy) {
		s.readBody = read
		s.matches = func(password string, given any) bool {
			if condition, ok := given.(map[string]any); ok {
				_, in := condition["$in"]
				return !in
			}
			return given == password
		}
	}
}

func TestEachAttackDistinguishes(t *testing.T) {
	// A server that refused a large upload lingers for half a second.
	var closing sync.WaitGroup
	t.Cleanup(closing.Wait)
	for _, test := range weaknesses {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel() // Each has a shop of its own.
			s := newToy()
			test.weaken(s)
			server := httptest.NewTLSServer(s)
			defer closing.Go(server.Close)
			results, err := Run(t.Context(), server.URL, Options{Client: server.Client()})
			if err != nil {
				t.Fatal(err)
			}
			for _, r := range results {
				if !r.Worked || r.Err != nil {
					t.Errorf("mistake %d: the control failed: %v", r.Mistake, r.Err)
				}
				if want := r.Mistake == test.mistake; r.Exploited != want {
					t.Errorf("mistake %d: exploited %v; want %v; %q", r.Mistake, r.Exploited, want, r.Evidence)
				}
			}
		})
	}
}

// Without TLS neither Secure nor HSTS can be asked for.
func TestPlainHTTPAsksForNothingOfTLS(t *testing.T) {
	s := newToy()
	s.cookie = "; HttpOnly; SameSite=Lax"
	without(func(h http.Header) { h.Del("Strict-Transport-Security") })(s)
	server := httptest.NewServer(s)
	defer server.Close()
	results, err := Run(t.Context(), server.URL, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Exploited || !r.Worked {
			t.Errorf("mistake %d: %+v", r.Mistake, r)
		}
	}
}
