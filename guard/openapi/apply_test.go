// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package openapi_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/openapi"
)

// files writes files into a new folder and returns it.
func files(t *testing.T, contents map[string]string) (dir string) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range contents {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

const small = `{"openapi":"3.1.0","info":{"title":"Small","version":"1"},"servers":[{"url":"/api"}],"paths":{"/a":{"get":{"responses":{"200":{"description":"ok"}}}}}}`

func TestApply(t *testing.T) {
	tests := []struct{ name, policy, want string }{
		{"none", "{}", "routes 0, below "},
		{"short", "bodies: {openapi: small.json}", "routes 1, below /api/"},
		{"long", "bodies: {openapi: {file: small.json, except: [/api/health], unknown: strip}}", "routes 1, below /api/ except /api/health strip"},
		{"allow", "bodies: {openapi: {file: small.json, undeclared: allow}}", "routes 1, below "},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := files(t, map[string]string{"policy.yaml": tt.policy, "small.json": small})
			p, err := openapi.Check(filepath.Join(dir, "policy.yaml"))
			if err != nil {
				t.Fatal(err)
			}
			got := "routes 0, below "
			if ops := p.Bodies.Operations; ops != nil {
				got = "routes 1, below " + strings.Join(ops.Below, " ")
				if len(ops.Routes) != 1 || ops.Routes[0].Match != "GET /api/a" {
					t.Errorf("routes: %v", ops.Routes)
				}
				if len(ops.Except) > 0 {
					got += " except " + strings.Join(ops.Except, " ") + " " + string(ops.Routes[0].Unknown)
				}
			}
			if got != tt.want {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			// What is shown is a policy that means the same.
			shown, err := p.Effective().YAML()
			if err != nil {
				t.Fatal(err)
			}
			again, err := panoply.Parse(filepath.Join(dir, "policy.yaml"), shown)
			if err != nil || again.Bodies.OpenAPI.File != p.Bodies.OpenAPI.File || again.Bodies.OpenAPI.Undeclared != p.Bodies.OpenAPI.Undeclared {
				t.Errorf("%v, %+v\n%s", err, again.Bodies.OpenAPI, shown)
			}
		})
	}
}

// The faults of the policy and of the document are told together.
func TestCheckTellsTheFaultsOfBoth(t *testing.T) {
	bad := strings.Replace(small, `"/a"`, `"/a-{x}"`, 1)
	dir := files(t, map[string]string{"bad.json": bad,
		"policy.yaml": "bodies:\n  openapi: bad.json\n  routes: [{match: x, max_bytes: 1}]\nnosql: {allow: [{match: /x, keys: [a]}]}\n",
		"none.yaml":   "bodies: {openapi: none.json}\n",
		"except.yaml": "bodies:\n  openapi: {file: small.json, except: [health]}\n", "small.json": small,
		"options.yaml": "bodies:\n  openapi: {undeclared: allow}\n",
		"unread.yaml":  "bodies: {openapi: bad.json}\nheders: {}\n"})
	for name, want := range map[string][]string{
		"policy.yaml":  {"policy.yaml:3:20: bodies.routes[0].match: ", "policy.yaml:4:36: nosql.allow[0].keys[0]: ", `bad.json:1:105: paths["/a-{x}"].get: the path /a-{x} cannot be matched`},
		"none.yaml":    {"none.yaml:1:19: bodies.openapi: open "},
		"except.yaml":  {"except.yaml:2:40: bodies.openapi.except[0]: "},
		"options.yaml": {"options.yaml:2:12: bodies.openapi: no file is given"},
		"unread.yaml":  {"unread.yaml:2:1: heders: unknown key"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openapi.Check(filepath.Join(dir, name))
			if err == nil {
				t.Fatal("it is accepted")
			}
			text := strings.ReplaceAll(err.Error(), dir+string(filepath.Separator), "")
			for _, line := range want {
				if !strings.Contains(text, line) {
					t.Errorf("got:\n%s\nwant %q", text, line)
				}
			}
			if strings.Contains(text, "only the guard reads OpenAPI") {
				t.Errorf("it sends elsewhere: %s", text)
			}
		})
	}
}

func TestDescribeTellsWhatIsDeclared(t *testing.T) {
	dir := files(t, map[string]string{"small.json": small, "a.yaml": "bodies: {openapi: small.json}", "b.yaml": "bodies: {openapi: {file: small.json, undeclared: allow}}"})
	for name, want := range map[string]string{"a.yaml": "routes with a schema: 1, and no other operation of the API", "b.yaml": "routes with a schema: 1"} {
		p, err := openapi.Check(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		suit, err := panoply.New(p, panoply.WithLogger(slog.New(slog.DiscardHandler)))
		if err != nil {
			t.Fatal(err)
		}
		if what := suit.Describe()[2].What; !strings.HasSuffix(what, want) {
			t.Errorf("%s: got %q", name, what)
		}
		if warned := strings.Contains(strings.Join(suit.Warnings(), "\n"), "openapi allows"); warned != (name == "b.yaml") {
			t.Errorf("%s: warnings %q", name, suit.Warnings())
		}
	}
}
