// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/validate"
)

var update = flag.Bool("update", false, "write the golden files anew")

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (go test -run %s -update writes it anew); got:\n%s", file, t.Name(), got)
	}
}

func parse(t *testing.T, src string) panoply.Policy {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(src))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func yaml(t *testing.T, p panoply.Policy) string {
	t.Helper()
	text, err := p.Effective().YAML()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestTheZeroPolicyIsTheStrictProfile(t *testing.T) {
	zero := yaml(t, panoply.Policy{})
	for _, src := range []string{"", "# nothing\n", "profile: strict\n", "mode: enforce\nheaders: {}\nrate_limits: {}\n"} {
		if got := yaml(t, parse(t, src)); got != zero {
			t.Errorf("%q is another policy than the zero value:\n%s", src, got)
		}
	}
}

func TestEffectivePoliciesAreAsTheyWere(t *testing.T) {
	golden(t, "strict.yaml", []byte(yaml(t, panoply.Policy{})))
	golden(t, "compatible.yaml", []byte(yaml(t, panoply.Policy{Profile: panoply.Compatible})))
}

// What `policy show` prints is a policy file that means the same.
func TestShownPoliciesMeanTheSame(t *testing.T) {
	for _, profile := range []panoply.Profile{panoply.Strict, panoply.Compatible} {
		t.Run(string(profile), func(t *testing.T) {
			shown := yaml(t, panoply.Policy{Profile: profile})
			if again := yaml(t, parse(t, shown)); again != shown {
				t.Errorf("got:\n%s\nwant:\n%s", again, shown)
			}
		})
	}
}

func TestGoAndYAMLSayTheSame(t *testing.T) {
	inGo := panoply.Policy{Mode: panoply.Report, TrustedProxies: []string{"10.0.0.0/8"}}
	inGo.Headers.XFrameOptions.Action = "deny"
	inGo.RateLimits.Rules = []ratelimit.Rule{{Name: "api", Match: []string{"/api/"}, Limit: 100, Window: time.Minute}}
	inGo.Bodies.Mode = panoply.Off
	inGo.Bodies.MaxBytes = 5 << 20
	inGo.Bodies.Routes = []validate.Route{{Match: "POST /api/users", Schema: map[string]any{"type": "object"}, Unknown: validate.Strip}}
	inGo.Cookies.NoSecure = true
	inGo.NoSQL.Strings = []string{"email"}
	inYAML := parse(t, `
mode: report
trusted_proxies: [10.0.0.0/8]
headers: {x_frame_options: deny}
rate_limits: {rules: [{name: api, match: /api/, limit: 100, window: 1m}]}
bodies: {mode: off, max_bytes: 5MB, routes: [{match: POST /api/users, schema: {type: object}, unknown: strip}]}
cookies: {secure: false}
nosql: {strings: email}
`)
	if a, b := yaml(t, inGo), yaml(t, inYAML); a != b {
		t.Errorf("in Go:\n%s\nin YAML:\n%s", a, b)
	}
}

func TestSectionsAreSwitchedByOneWord(t *testing.T) {
	p := parse(t, "headers: off\nuploads: report\ntokens: off\n").Effective()
	got := []panoply.Mode{p.Headers.Mode, p.Uploads.Mode, p.Tokens.Mode, p.NoSQL.Mode}
	want := []panoply.Mode{panoply.Off, panoply.Report, panoply.Off, panoply.Enforce}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
}

// Every fault is told at once, each with its place, its path and a hint.
func TestBadPoliciesAreExplained(t *testing.T) {
	files, err := filepath.Glob("testdata/bad/*.yaml")
	if err != nil || len(files) < 3 {
		t.Fatalf("found %d bad policies: %v", len(files), err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".yaml"), func(t *testing.T) {
			_, err := panoply.Check(file)
			if err == nil {
				t.Fatal("it is accepted")
			}
			golden(t, "bad/"+strings.TrimSuffix(filepath.Base(file), ".yaml")+".golden", []byte(err.Error()+"\n"))
		})
	}
}

func TestDescribeSaysWhatIsOn(t *testing.T) {
	var b strings.Builder
	for _, src := range []string{"", "profile: compatible", "mode: report\nnosql: off\nenvironment: development\ncookies: {http_only: false}\nerrors: {scrub: false}\n"} {
		s := quiet(t, parse(t, src))
		fmt.Fprintf(&b, "--- %q\n", src)
		for _, l := range s.Describe() {
			fmt.Fprintf(&b, "%d %s %s: %s\n", l.Mistake, l.Name, l.Mode, l.What)
		}
		for _, w := range s.Warnings() {
			fmt.Fprintf(&b, "weakened by %s\n", w)
		}
	}
	golden(t, "describe.golden", []byte(b.String()))
}

func TestCommittedPoliciesAreGood(t *testing.T) {
	t.Setenv("PANOPLY_TOKEN_KEY", "n0t-a-secret-but-long-enough/kq83hdYw02mzPq")
	for _, file := range []string{"demo/policy/policy.yaml", "e2e/policies/shop.yaml"} {
		if _, err := panoply.Check(file); err != nil {
			t.Errorf("%v", err)
		}
	}
}
