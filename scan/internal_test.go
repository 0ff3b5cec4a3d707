// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestReadSurface(t *testing.T) {
	page, err := url.Parse("https://shop.example/start/")
	if err != nil {
		t.Fatal(err)
	}
	s := readSurface(page, []byte(`<base href="/app/"><meta http-equiv="content-security-policy" content="img-src *">
<!-- <a href="/comment"> --><a href="list?x=1">list</a><a href="https://other.example/away">away</a><a href="//shop.example/twin">
<form action="/login" method="post"><input name="user"><input name="pw" type="PASSWORD"></form><input name="loose">
<form enctype="multipart/form-data" method="POST" action="up"><input type="file" name="doc"></form>
<script src="main.js"></script><script src="https://cdn.example/lib.js" integrity="x"></script><script src="http://shop.example/plain.js"></script>
<script>fetch('/api/login', {}); axios.post("/api/users"); const re = '/not a path/'</script><textarea><a href="/in-text"></a></textarea>`))
	if want := []string{"/app/list", "/twin", "/api/login", "/api/users"}; !slices.Equal(s.paths, want) {
		t.Errorf("paths %q; want %q", s.paths, want)
	}
	if len(s.forms) != 2 || s.forms[0].action != "/login" || s.forms[0].method != "POST" || len(s.forms[0].fields) != 2 || s.forms[1].action != "/app/up" {
		t.Errorf("forms %+v", s.forms)
	}
	if name, ok := s.forms[0].has("password"); !ok || name != "pw" {
		t.Errorf("the password's field is %q", name)
	}
	if want := []string{"/app/main.js"}; !slices.Equal(s.scripts, want) {
		t.Errorf("scripts %q; want %q", s.scripts, want)
	}
	if len(s.foreign) != 1 || !s.foreign[0].integrity || len(s.plain) != 1 || len(s.policies) != 1 {
		t.Errorf("foreign %v, plain %v, policies %v", s.foreign, s.plain, s.policies)
	}
}

func TestLimitOf(t *testing.T) {
	wrong := answer{status: 401, header: http.Header{}}
	quick, slow := 20*time.Millisecond, 2*time.Second
	for name, tt := range map[string]struct {
		status int
		retry  string
		times  []time.Duration
		want   bool
	}{
		"as-before":       {401, "", []time.Duration{quick, quick, quick, quick, quick, quick}, false},
		"too-many":        {429, "", nil, true},
		"come-back-later": {503, "60", nil, true},
		"forbidden-later": {403, "60", nil, true},
		"locked":          {423, "", nil, true},
		"a-riddle":        {400, "", nil, true},
		"fails":           {500, "", nil, false},
		"tar-pit":         {401, "", []time.Duration{quick, quick, quick, slow, slow, slow}, true},
		"slow-from-start": {401, "", []time.Duration{slow, slow, slow, slow, slow, slow}, false},
		"one-hiccup":      {401, "", []time.Duration{quick, quick, quick, quick, quick, slow}, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := answer{status: tt.status, header: http.Header{}}
			if tt.retry != "" {
				a.header.Set("Retry-After", tt.retry)
			}
			if got := limitOf(a, wrong, tt.times); (got != "") != tt.want {
				t.Errorf("got %q; want a limit: %v", got, tt.want)
			}
		})
	}
}

func TestPrivateOnly(t *testing.T) {
	for address, want := range map[string]bool{
		"127.0.0.1:80": true, "[::1]:80": true, "10.1.2.3:80": true, "192.168.0.1:80": true, "[fd00::1]:80": true, "0.0.0.0:80": true,
		"[::ffff:127.0.0.1]:80": true, "[::ffff:192.0.2.1]:80": false, "192.0.2.1:80": false, "169.254.169.254:80": false, "[2001:db8::1]:80": false, "x": false,
	} {
		if err := privateOnly("tcp", address, nil); (err == nil) != want {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// FuzzSurface: whatever a page holds, what is kept of it is bounded and the app's own.
func FuzzSurface(f *testing.F) {
	f.Add("<base href=//x><form action=../a method=post><input name=b><a href='/c?d#e'><script src=f></script>")
	f.Add("<script>'/a/b' \"/c\" `/d?`</script><svg><script>'/e'")
	page := &url.URL{Scheme: "https", Host: "shop.example", Path: "/"}
	f.Fuzz(func(t *testing.T, body string) {
		s := readSurface(page, []byte(body))
		if len(s.forms) > maxForms || len(s.paths) > maxPaths || len(s.scripts) > maxPaths || len(s.foreign)+len(s.plain) > 2*maxPaths+2 {
			t.Errorf("%d forms, %d paths, %d scripts", len(s.forms), len(s.paths), len(s.scripts))
		}
		for _, p := range s.paths {
			if !strings.HasPrefix(p, "/") || len(p) > maxPath {
				t.Errorf("path %q", p)
			}
		}
	})
}

// FuzzToken: a text is a token or none, and one that is changed is another.
func FuzzToken(f *testing.F) {
	f.Add("eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.AAAA")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		token, ok := parseToken(text)
		if !ok {
			return
		}
		if token.resigned() == text || token.algorithm() == "" && token.header["alg"] != "" {
			t.Errorf("%q", text)
		}
		if _, ok := parseToken(token.unsigned()); !ok {
			t.Errorf("%q made %q", text, token.unsigned())
		}
	})
}

func FuzzRoute(f *testing.F) {
	f.Add("POST /api/login")
	f.Fuzz(func(t *testing.T, text string) {
		r, err := parseRoute(text)
		if err == nil && (!strings.HasPrefix(r.path, "/") || strings.ContainsAny(r.path, " \r\n")) {
			t.Errorf("%q is %+v", text, r)
		}
	})
}
