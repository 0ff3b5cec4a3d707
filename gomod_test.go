// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"
)

// direct is everything that an app takes in with the library: each has its
// reason in docs/decisions, and a new one needs one.
var direct = []string{
	"github.com/andybalholm/brotli",
	"github.com/gabriel-vasile/mimetype",
	"github.com/go-json-experiment/json",
	"github.com/goccy/go-yaml",
	"github.com/golang-jwt/jwt/v5",
	"github.com/santhosh-tekuri/jsonschema/v6",
	"golang.org/x/crypto",
	"golang.org/x/net",
	"golang.org/x/text",
}

// The root module works with a plain `go get`: without the workspace, without a
// replacement, and lean.
func TestTheModuleIsLean(t *testing.T) {
	run := func(args ...string) []byte {
		cmd := exec.Command("go", args...)
		cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=readonly")
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("go %v: %v\n%s", args, err, out)
		}
		return out
	}
	var mod struct {
		Module  struct{ Path string }
		Replace []any
		Require []struct {
			Path     string
			Indirect bool
		}
	}
	if err := json.Unmarshal(run("mod", "edit", "-json"), &mod); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range mod.Require {
		if !r.Indirect {
			got = append(got, r.Path)
		}
	}
	if slices.Sort(got); !slices.Equal(got, direct) {
		t.Errorf("it requires %q; want %q", got, direct)
	}
	if len(mod.Replace) > 0 || mod.Module.Path != module {
		t.Errorf("module %s replaces %v", mod.Module.Path, mod.Replace)
	}
	run("build", "./...")
}
