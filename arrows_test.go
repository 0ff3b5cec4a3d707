// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/panoply-security/panoply"

// arrows says what each package of the repository may import of the others;
// a trailing slash stands for everything below. The picture in words: rule and
// the internal leaves know nobody, protections know what reads a request and
// never each other, the suit knows the protections, the guard knows the suit.
var arrows = map[string][]string{
	"rule":      nil,
	"route":     nil,
	"internal/": {"internal/"},
	"clientip":  {"internal/"},
	"problem":   {"rule", "internal/"},
	"finding":   {"rule", "internal/"},
	"report":    {"finding", "rule", "internal/"},
	"scan":      {"finding", "rule", "scan/cspeval", "scan/observatory", "internal/"},
	"inspect":   {"problem", "rule", "route", "internal/"},

	"headers":   protection,
	"ratelimit": protection,
	"validate":  protection,
	"session":   protection,
	"token":     protection,
	"password":  protection,
	"upload":    protection,
	"nosql":     protection,

	"":                     slices.Concat(protection, []string{"headers", "ratelimit", "validate", "session", "token", "upload", "nosql"}),
	"redisstore":           {"ratelimit", "session", "token", "internal/"},
	"redisstore/redistest": nil,
	"guard":                {"", "guard/openapi", "guard/upstream", "guard/acme", "guard/learn", "guard/watch", "guard/history", "guard/dashboard", "guard/forward", "redisstore", "clientip", "problem", "rule", "token", "validate", "internal/"},
	"cmd/panoply":          {"", "guard", "audit", "audit/source", "rule", "finding", "report", "scan", "internal/"},
	"audit/source":         nil,
	"audit/model":          {"audit/source", "audit/taint"},
	"audit/taint":          nil,
	"audit/checks":         {"audit/source", "audit/model", "audit/taint", "finding", "rule", "internal/"},
	"audit/remedy":         {"", "audit/source", "audit/model", "audit/checks", "finding", "rule", "internal/"},
	"audit":                {"audit/source", "audit/model", "audit/checks", "audit/remedy", "finding", "rule"},
	"demo/":                everything,
	"e2e/":                 everything,
	"bench/":               everything,

	"ratelimit/storetest": {"ratelimit"},
	"session/sessiontest": {"session"},
	"token/tokentest":     {"token"},
	"nosql/mongoquery":    protection,
	"scan/cspeval":        nil,
	"scan/observatory":    {"internal/"},
	"guard/openapi":       {"", "route", "validate", "internal/"},
	"guard/learn":         {"", "inspect", "route", "internal/"},
	"guard/watch":         {"rule", "route", "internal/"},
	"guard/history":       {"", "problem", "rule"},
	"guard/dashboard":     {"", "guard/history", "guard/watch", "clientip", "ratelimit", "route", "rule"},
	"guard/acme":          {"", "internal/"},
	"guard/http1":         nil,
	"guard/forward":       nil,
	"guard/upstream":      {"", "guard/http1", "problem", "rule", "route", "internal/"},
}

var (
	protection = []string{"inspect", "clientip", "problem", "rule", "route", "internal/"}
	everything = []string{"", "*"}
)

func TestArrowsPointDown(t *testing.T) {
	seen := 0
	for _, dir := range modules(t) {
		cmd := exec.Command("go", "list", "-f", "{{.ImportPath}} {{join .Imports \" \"}}", "./...")
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GOWORK=off")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list in %s: %v", dir, err)
		}
		for line := range strings.Lines(string(out)) {
			from, imports, _ := strings.Cut(strings.TrimSpace(line), " ")
			seen++
			for _, to := range strings.Fields(imports) {
				if inside(to) && !allowed(local(from), local(to)) {
					t.Errorf("%s must not import %s", local(from), local(to))
				}
			}
		}
	}
	if seen < 20 {
		t.Errorf("looked at %d packages; want the whole repository", seen)
	}
}

// modules are the folders that go.work joins.
func modules(t *testing.T) []string {
	t.Helper()
	work, err := os.ReadFile("go.work")
	if err != nil {
		t.Fatal(err)
	}
	var dirs []string
	for line := range strings.Lines(string(work)) {
		if dir := strings.TrimSpace(line); strings.HasPrefix(dir, ".") {
			dirs = append(dirs, filepath.FromSlash(dir))
		}
	}
	if len(dirs) < 4 {
		t.Fatalf("go.work joins %v; want the whole repository", dirs)
	}
	return dirs
}

func inside(path string) bool { return path == module || strings.HasPrefix(path, module+"/") }

func local(path string) string { return strings.TrimPrefix(strings.TrimPrefix(path, module), "/") }

func allowed(from, to string) bool {
	rules, known := arrows[from]
	if !known {
		for prefix, r := range arrows {
			if strings.HasSuffix(prefix, "/") && strings.HasPrefix(from+"/", prefix) {
				rules, known = r, true
			}
		}
	}
	if !known {
		return false
	}
	for _, r := range rules {
		if r == "*" || r == to || strings.HasSuffix(r, "/") && strings.HasPrefix(to, r) {
			return true
		}
	}
	return false
}
