// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan"
)

func active(t *testing.T, app *toy) *finding.Report {
	t.Helper()
	o := serve(t, app, true)
	o.Active, o.Auth = true, true
	return run(t, o)
}

// verdicts are the mistakes' as one letter each: o open, c closed, - not tested.
func verdicts(r *finding.Report) string {
	var out strings.Builder
	for _, m := range r.Mistakes {
		switch m.Verdict {
		case finding.Open:
			out.WriteByte('o')
		case finding.Closed:
			out.WriteByte('c')
		default:
			out.WriteByte('-')
		}
	}
	return out.String()
}

func TestActive(t *testing.T) {
	for _, tt := range []struct {
		name     string
		app      *toy
		want     []rule.ID
		verdicts string
	}{
		{"sound", &toy{}, nil, "ccccccc"},
		{"no-limit", &toy{noLimit: true}, []rule.ID{rule.RateLimitNone}, "coccccc"},
		{"limit-believes-the-client", &toy{spoofed: true}, []rule.ID{rule.RateLimitSpoofed}, "coccccc"},
		{"assigns", &toy{assigns: true}, []rule.ID{rule.ValidateAssignment}, "ccocccc"},
		{"any-type", &toy{anyType: true}, []rule.ID{rule.ValidateConfusion}, "ccocccc"},
		{"breaks-on-types", &toy{breaks: true}, []rule.ID{rule.ValidateConfusion}, "ccocccc"},
		{"breaks-on-types-without-sign-up", &toy{breaks: true, noSignup: true}, []rule.ID{rule.ValidateConfusion}, "ccoc-cc"},
		{"leaks", &toy{leaks: true}, []rule.ID{rule.ErrorLeak}, "cccoccc"},
		{"dot-file", &toy{dotenv: true}, []rule.ID{rule.ErrorExposedFile}, "cccoccc"},
		{"weak-secret", &toy{secret: "secret123"}, []rule.ID{rule.TokenWeakSecret}, "ccccocc"},
		{"decodes-only", &toy{decodes: true}, []rule.ID{rule.TokenAlgNone, rule.TokenUnverified}, "ccccocc"},
		{"takes-alg-none", &toy{takesNone: true}, []rule.ID{rule.TokenAlgNone}, "ccccocc"},
		{"any-file", &toy{anyFile: true}, []rule.ID{rule.UploadDangerous}, "cccccoc"},
		{"any-size", &toy{anySize: true}, []rule.ID{rule.UploadTooLarge}, "cccccoc"},
		{"operators", &toy{operators: true}, []rule.ID{rule.NoSQLOperator}, "cccccco"},
		{"operators-without-sign-up", &toy{unknownBreak: true, noSignup: true}, []rule.ID{rule.NoSQLOperator}, "cccc-co"},
		{"operators-where-wrong-logins-are-200", &toy{operators: true, denies: 200}, []rule.ID{rule.NoSQLOperator}, "cccccco"},
		{"operators-in-the-query", &toy{queries: true}, []rule.ID{rule.NoSQLOperator}, "cccccco"},
		{"parameter-twice-is-worth-a-word", &toy{lone: true}, nil, "ccccccc"},
		{"recursive-merge", &toy{merges: true, ignores: true}, []rule.ID{rule.ValidatePrototype}, "ccocccc"},

		// Sound apps that a hasty scan takes for broken.
		{"limit-by-user", &toy{perUser: true}, nil, "ccccccc"},
		{"echoes-what-was-sent", &toy{echoes: true}, nil, "ccccccc"},
		{"ignores-what-it-did-not-offer", &toy{ignores: true}, nil, "ccccccc"},
		{"a-page-for-everything", &toy{catchAll: true}, nil, "ccccccc"},
		{"nothing-without-a-session", &toy{closed: true}, nil, "c--c---"},
		{"uploads-as-attachments", &toy{attached: true}, nil, "ccccccc"},
		{"wrong-logins-are-400", &toy{denies: 400}, nil, "ccccccc"},
		{"wrong-logins-are-200", &toy{denies: 200}, nil, "ccccccc"},
		{"wrong-logins-are-403", &toy{denies: 403}, nil, "ccccccc"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := active(t, tt.app)
			got := slices.Sorted(maps.Keys(rules(r)))
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			if v := verdicts(r); !strings.HasPrefix(v, tt.verdicts) {
				t.Errorf("verdicts %s; want %s: %+v", v, tt.verdicts, r.Mistakes)
			}
			if tt.app.lone && (len(r.Findings) != 1 || r.Findings[0].Rule != rule.ValidateConfusion) {
				t.Errorf("got %+v", r.Findings)
			}
			for _, f := range r.Findings {
				text := strings.Join(f.Evidence, "\n")
				if probed := slices.Contains([]rule.ID{rule.ValidateAssignment, rule.NoSQLOperator, rule.TokenUnverified, rule.TokenAlgNone, rule.RateLimitSpoofed, rule.ValidatePrototype}, f.Rule); probed {
					for _, part := range []string{"baseline", "control", "repeated"} {
						if !strings.Contains(text, part) {
							t.Errorf("%s has no %s:\n%s", f.Rule, part, text)
						}
					}
				}
				if strings.Contains(text, "Quiet-") {
					t.Errorf("%s shows a password:\n%s", f.Rule, text)
				}
			}
			if r.Run.Requests > 212 || r.Run.Stopped != "" {
				t.Errorf("%d requests, stopped %q", r.Run.Requests, r.Run.Stopped)
			}
		})
	}
}

// A scan ends where the app has had enough.
func TestActiveStops(t *testing.T) {
	for name, tt := range map[string]struct {
		app      *toy
		requests int
		why      string
		most     int
	}{
		"app-fails":  {&toy{failing: true}, 0, "errors of its own", 30},
		"app-limits": {&toy{busy: true}, 0, "limits the scan", 30},
		"budget":     {&toy{}, 20, "used up", scan.MaxPassive + 20},
	} {
		t.Run(name, func(t *testing.T) {
			o := serve(t, tt.app, true)
			o.Active, o.MaxRequests = true, tt.requests
			r := run(t, o)
			if !strings.Contains(r.Run.Stopped, tt.why) || r.Run.Requests > tt.most {
				t.Errorf("stopped %q after %d requests; want %q within %d", r.Run.Stopped, r.Run.Requests, tt.why, tt.most)
			}
			if len(rules(r)) > 0 {
				t.Errorf("found %v", rules(r))
			}
		})
	}
}

// What it leaves on the target is in the report, and nothing of other users is
// touched.
func TestActiveLeavesWhatItSays(t *testing.T) {
	app := &toy{anyFile: true, operators: true, assigns: true, noLimit: true, pretends: true}
	r := active(t, app)
	left := strings.Join(r.Run.Left, "\n")
	for path := range app.files {
		if !strings.Contains(left, path) {
			t.Errorf("%s is left and not listed in %q", path, left)
		}
	}
	for email, user := range app.users {
		if email != "admin@shop.example" && (!strings.HasSuffix(email, "@example.com") || user["role"] == "admin") {
			t.Errorf("it made %s, %v", email, user)
		}
	}
	if !strings.Contains(left, "accounts whose address begins with zz") {
		t.Errorf("the accounts are not in %q", left)
	}
	for _, f := range r.Findings {
		if strings.Contains(strings.Join(f.Evidence, ""), "admin@shop.example") {
			t.Errorf("%s is about another user's account", f.Rule)
		}
	}
}

// A form that carries a token against other sites' forms is sent with it, and with the
// cookie of its page.
func TestFormWithToken(t *testing.T) {
	for name, tt := range map[string]struct {
		limit int
		want  finding.Verdict
	}{
		"limited":   {10, finding.Closed},
		"unlimited": {1000, finding.Open},
	} {
		t.Run(name, func(t *testing.T) {
			tries, strangers := 0, 0
			app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				switch {
				case r.Method == "GET" && r.URL.Path == "/":
					page := `<!doctype html><title>x</title><form method="post" action="/signin"><input type="hidden" name="_csrf" value="tok"><input name="login"><input type="password" name="pw"></form>`
					answers(200, "text/html", page, with("Set-Cookie", "_csrf=tok; Secure; HttpOnly; SameSite=Lax")...)(w, r)
				case r.Method == "POST" && r.URL.Path == "/signin":
					if k, err := r.Cookie("_csrf"); err != nil || k.Value != "tok" || r.FormValue("_csrf") != "tok" {
						strangers++
						answers(403, "text/plain", "invalid csrf token", good...)(w, r)
						return
					}
					if tries++; tries > tt.limit || r.FormValue("login") == "" || r.FormValue("pw") == "" {
						answers(429, "text/plain", "too many", good...)(w, r)
						return
					}
					answers(401, "text/plain", "wrong", good...)(w, r)
				default:
					answers(404, "text/plain", "nothing here", good...)(w, r)
				}
			})
			o := serve(t, app, true)
			o.Active = true
			r := run(t, o)
			if got := r.Mistakes[1].Verdict; got != tt.want {
				t.Errorf("mistake 2 is %s (%s) after %d logins, %d without the token; want %s", got, r.Mistakes[1].Reason, tries, strangers, tt.want)
			}
		})
	}
}
