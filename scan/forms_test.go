// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"fmt"
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/panoply-security/panoply/rule"
)

// pages is an app of forms and sessions, as there were before JSON: nothing of it is on
// its first page. It is sound by its zero value.
type pages struct {
	operators, assigns, anyFile, noLimit bool

	mu    sync.Mutex
	users map[string]url.Values
	files map[string][]byte
	wrong int
	away  int // requests that a link should not have led to
}

func (a *pages) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.users == nil {
		a.users, a.files = map[string]url.Values{}, map[string][]byte{}
	}
	show := func(status int, body string) {
		answers(status, "text/html; charset=utf-8", "<!doctype html><title>x</title>"+body, good...)(w, r)
	}
	user := url.Values(nil)
	if k, err := r.Cookie("sid"); err == nil {
		user = a.users[k.Value]
	}
	if r.Method == "POST" && r.URL.Path != "/avatar" && r.ParseForm() != nil {
		show(400, "bad form")
		return
	}
	switch route := r.Method + " " + r.URL.Path; route {
	case "GET /":
		show(200, `<a href="/about">About</a> <a href="/enter/sign-in">Sign in</a> <a href="/enter/join-us/register">Join</a> <a href="/logout">Out</a>`)
	case "GET /logout", "GET /account/delete":
		a.away++
	case "GET /enter/sign-in":
		http.SetCookie(w, &http.Cookie{Name: "csrf", Value: "c1", HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
		show(200, `<form method="post"><input type="hidden" name="_csrf" value="c1"><input name="nick"><input name="pw" type="password"></form>`)
	case "GET /enter/join-us/register":
		show(200, `<form method="post"><input name="nick"><input name="mail" type="email"><input name="pw" type="password"><input name="pw2" type="password"><input name="terms" type="checkbox"></form>`)
	case "POST /enter/join-us/register":
		f := r.PostForm
		if f.Get("nick") == "" || f.Get("pw") != f.Get("pw2") || !f.Has("terms") || !strings.Contains(f.Get("mail"), "@") {
			show(400, "please fill it in")
			return
		}
		if !a.assigns {
			f.Del("role")
		}
		a.users[f.Get("nick")] = f
		http.Redirect(w, r, "/enter/sign-in", http.StatusSeeOther)
	case "POST /enter/sign-in":
		k, err := r.Cookie("csrf")
		u := a.users[r.PostForm.Get("nick")]
		switch {
		case err != nil || k.Value != r.PostForm.Get("_csrf"):
			show(403, "invalid csrf token")
		case a.wrong >= 10 && !a.noLimit:
			show(429, "too many")
		case u != nil && (u.Get("pw") == r.PostForm.Get("pw") || a.operators && u.Get("pw") == r.PostForm.Get("pw[$eq]")):
			http.SetCookie(w, &http.Cookie{Name: "sid", Value: r.PostForm.Get("nick"), HttpOnly: true, Secure: true, SameSite: http.SameSiteLaxMode})
			http.Redirect(w, r, "/home", http.StatusFound)
		default:
			a.wrong++
			show(401, "wrong")
		}
	case "GET /home":
		if user == nil {
			http.Redirect(w, r, "/enter/sign-in", http.StatusFound)
			return
		}
		show(200, fmt.Sprintf(`<h1>%s</h1>%s<form method="post" action="/avatar" enctype="multipart/form-data"><input type="file" name="pic"></form>`,
			html.EscapeString(user.Get("nick")), html.EscapeString(user.Get("role"))))
	case "POST /avatar":
		file, header, err := r.FormFile("pic")
		if user == nil || err != nil {
			show(401, "who are you?")
			return
		}
		content, _ := io.ReadAll(io.LimitReader(file, 1<<20))
		if !a.anyFile && (!strings.HasPrefix(string(content), "\x89PNG") || !strings.HasSuffix(header.Filename, ".png") || header.Size > 1<<19) {
			show(415, "pictures only")
			return
		}
		path := "/static/" + header.Filename
		a.files[path] = content
		reply(w, 200, map[string]string{"url": path})
	default:
		if content, ok := a.files[r.URL.Path]; ok && r.Method == "GET" {
			kind := "image/png"
			if strings.HasSuffix(r.URL.Path, ".html") {
				kind = "text/html"
			}
			answers(200, kind, string(content), good...)(w, r)
			return
		}
		show(404, "nothing here")
	}
}

// An app of forms is signed up to, signed in to and tried as one that speaks JSON is,
// though nothing but links leads there.
func TestForms(t *testing.T) {
	for _, tt := range []struct {
		name string
		app  *pages
		want []rule.ID
	}{
		{"sound", &pages{}, nil},
		{"no-limit", &pages{noLimit: true}, []rule.ID{rule.RateLimitNone}},
		{"operators", &pages{operators: true}, []rule.ID{rule.NoSQLOperator}},
		{"assigns", &pages{assigns: true}, []rule.ID{rule.ValidateAssignment}},
		{"any-file", &pages{anyFile: true}, []rule.ID{rule.UploadDangerous, rule.UploadTooLarge}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := serve(t, tt.app, true)
			o.Active = true
			r := run(t, o)
			if got := slices.Sorted(maps.Keys(rules(r))); !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			for _, n := range []int{2, 3, 6, 7} {
				if m := r.Mistakes[n-1]; m.Verdict == "not-tested" {
					t.Errorf("%d is not tested: %s", n, m.Reason)
				}
			}
			if tt.app.away > 0 {
				t.Errorf("it followed a link that does something")
			}
			if left := strings.Join(r.Run.Left, "\n"); !strings.Contains(left, fmt.Sprintf("%d accounts", len(tt.app.users))) {
				t.Errorf("%d accounts are left, and the report says %q", len(tt.app.users), left)
			}
		})
	}
}
