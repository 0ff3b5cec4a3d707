// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package route

import (
	"net/url"
	"slices"
	"strings"
	"testing"
)

func TestMatchesAsExpressDoes(t *testing.T) {
	tests := []struct {
		name, pattern, method, target string
		want                          bool
	}{
		{"exact", "POST /api/login", "POST", "/api/login", true},
		{"other-method", "POST /api/login", "GET", "/api/login", false},
		{"any-method", "/api/login", "PATCH", "/api/login", true},
		{"get-takes-head", "GET /page", "HEAD", "/page", true},
		{"upper-case", "POST /api/login", "POST", "/API/LOGIN", true},
		{"trailing-slash", "POST /api/login", "POST", "/API/LOGIN/", true},
		{"double-slash-at-the-start", "POST /api/login", "POST", "//api/login", true},
		{"double-slash-inside", "POST /api/login", "POST", "/api//login", true},
		{"many-trailing-slashes", "POST /api/login", "POST", "/api/login///", true},
		{"encoded-letter", "POST /api/login", "POST", "/api/log%69n", true},
		{"encoded-slash-decodes-to-two-segments", "POST /api/login", "POST", "/api%2Flogin", true},
		{"encoded-slash-stays-in-its-segment", "PUT /files/{name}", "PUT", "/files/a%2fb", true},
		{"longer-path", "POST /api/login", "POST", "/api/login/x", false},
		{"shorter-path", "POST /api/login", "POST", "/api", false},
		{"prefix-of-a-segment", "POST /api/login", "POST", "/api/loginx", false},
		{"one-name", "/users/{id}", "GET", "/users/17", true},
		{"name-is-one-segment", "/users/{id}", "GET", "/users/17/posts", false},
		{"name-is-never-empty", "/users/{id}", "GET", "/users/", false},
		{"rest", "/files/{path...}", "GET", "/files/a/b/c", true},
		{"rest-may-be-empty", "/files/{path...}", "GET", "/files", true},
		{"subtree", "/api/", "GET", "/API/v1/users", true},
		{"subtree-root", "/api/", "GET", "/api", true},
		{"subtree-needs-a-whole-segment", "/api/", "GET", "/apis", false},
		{"everything", "/", "DELETE", "/any/thing", true},
		{"exact-root", "/{$}", "GET", "/", true},
		{"exact-root-only", "/{$}", "GET", "/x", false},
		{"only-ascii-folds", "/straße", "GET", "/STRAßE", true},
		{"kelvin-sign-is-no-k", "/k", "GET", "/%E2%84%AA", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := MustCompile(tt.pattern)
			u, err := url.ParseRequestURI(tt.target)
			if err != nil {
				t.Fatal(err)
			}
			k, err := KeyOf(u)
			if err != nil {
				t.Fatal(err)
			}
			var table Table
			table.Add(MustCompile("/never/{matched}/at/all"))
			id := table.Add(p)
			got := slices.Contains(table.Match(tt.method, k, nil), id)
			if got != tt.want {
				t.Errorf("table: %s meets %s %s: got %v; want %v", tt.pattern, tt.method, tt.target, got, tt.want)
			}
			if !k.hasAlt {
				if got := p.Match(tt.method, u.Path); got != tt.want {
					t.Errorf("pattern: %s meets %s %s: got %v; want %v", tt.pattern, tt.method, tt.target, got, tt.want)
				}
			}
		})
	}
}

func TestRefusesPathsThatRoutersReadDifferently(t *testing.T) {
	for _, target := range []string{
		"/a/../api/login", "/a/..", "/./api/login", "/a/.", "/a/%2e%2e/api/login", "/a/.%2E/", "/api/%00login",
		"/api/login%0a", "/api/login#x", "/a%2f../b", "/" + strings.Repeat("a/", 200), "/" + strings.Repeat("a", 9000),
	} {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			t.Fatal(err)
		}
		if k, err := KeyOf(u); err == nil {
			t.Errorf("KeyOf(%.40q): got %+v; want an error", target, k)
		}
	}
	for _, target := range []string{"/...", "/.well-known/x", "/a..b", "/a/.b/..c/"} {
		u, _ := url.ParseRequestURI(target)
		if _, err := KeyOf(u); err != nil {
			t.Errorf("KeyOf(%q): got %v; want none", target, err)
		}
	}
}

func TestEveryMatchingPatternApplies(t *testing.T) {
	var table Table
	for _, p := range []string{"/", "/api/", "POST /api/login", "/api/{what}", "GET /api/login", "/API/Login/"} {
		table.Add(MustCompile(p))
	}
	u, _ := url.ParseRequestURI("/Api/login")
	k, _ := KeyOf(u)
	ids := table.Match("POST", k, nil)
	slices.Sort(ids)
	if want := []int{0, 1, 2, 3, 5}; !slices.Equal(ids, want) {
		t.Errorf("got %v; want %v", ids, want)
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, text := range []string{
		"", "api/login", "post /api", "POST", "POST api", "/a//b", "/a/../b", "/a/{x...}/b", "/a{x}", "/a?b", "/a%20b", "/*",
	} {
		if _, err := Compile(text); err == nil {
			t.Errorf("Compile(%q): got no error; want one", text)
		}
	}
}

func FuzzKeyOf(f *testing.F) {
	for _, s := range []string{"/", "//a/%2F/", "/A%2fb/../c", "/%00", "/a/b/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil {
			return
		}
		k, err := KeyOf(u)
		if err != nil {
			return
		}
		again, err := clean("/"+strings.TrimPrefix(k.path, "/"), false)
		if err != nil || again != k.path {
			t.Errorf("%q: key %q is not stable: %q, %v", target, k.path, again, err)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	var table Table
	for _, p := range []string{"/", "POST /api/login", "POST /api/users", "POST /api/upload", "/api/", "/users/{id}/posts/{post}"} {
		table.Add(MustCompile(p))
	}
	u, _ := url.ParseRequestURI("/users/17/posts/4")
	b.ReportAllocs()
	for b.Loop() {
		var buf [16]int
		k, _ := KeyOf(u)
		if len(table.Match("GET", k, buf[:0])) != 2 {
			b.Fatal("wrong")
		}
	}
}
