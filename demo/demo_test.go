// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/demo/attack"
	"github.com/panoply-security/panoply/demo/policy"
	"github.com/panoply-security/panoply/finding"
)

// bed is the vulnerable shop on the embedded database, for guards to stand in
// front of.
type bed struct {
	*servers
	dir  string
	cert certificate
	app  string
}

func newBed(t *testing.T) bed {
	t.Helper()
	t.Setenv("TMPDIR", t.TempDir())
	s := &servers{}
	t.Cleanup(s.stop)
	dir := t.TempDir()
	cert, err := makeCertificate(dir)
	if err != nil {
		t.Fatal(err)
	}
	s.client = trusting(cert)
	database, err := s.connect(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	app, err := s.vulnerable(database("vulnerable"), dir)
	if err != nil {
		t.Fatal(err)
	}
	return bed{s, dir, cert, app}
}

// attackGuarded puts a guard with the policy before the shop, attacks it, and
// tells what the demo says of it.
func (b bed) attackGuarded(t *testing.T, file string) (got report, ok bool, said string) {
	t.Helper()
	if err := b.guarded(t.Context(), b.app, b.dir, file, b.cert, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	guarded := b.targets[len(b.targets)-1]
	results, err := attack.Run(t.Context(), guarded.url, attack.Options{Client: b.client})
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	p := printer{w: &out}
	scan, err := scanned(t.Context(), b.servers, guarded, printer{w: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	got = report{guarded, results, scan}
	return got, p.verdict([]report{got}), out.String()
}

// switchOff writes the committed policy with some sections off.
func switchOff(t *testing.T, sections ...string) string {
	t.Helper()
	dir := t.TempDir()
	file, err := policy.Write(dir)
	if err != nil {
		t.Fatal(err)
	}
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	text := string(src)
	for _, section := range sections {
		// A section is a line and what is indented below it.
		whole := regexp.MustCompile(`(?m)^` + section + `:.*\n(?:[ \t].*\n|\n)*`)
		if !whole.MatchString(text) {
			t.Fatalf("the committed policy has no section %s", section)
		}
		text = whole.ReplaceAllString(text, section+": off\n")
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// Each protection holds by itself: with it off, its mistake is exploited through
// the guard, and no other.
func TestEachProtectionIsMissed(t *testing.T) {
	b := newBed(t)
	tests := []struct {
		name    string
		off     []string
		mistake int
	}{
		{"nothing-off", nil, 0},
		{"headers-off", []string{"headers"}, 1},
		{"rate-limits-off", []string{"rate_limits"}, 2},
		{"bodies-off", []string{"bodies"}, 3},
		{"errors-off", []string{"errors"}, 4},
		{"cookies-off", []string{"cookies"}, 5},
		{"tokens-off", []string{"tokens"}, 5},
		{"uploads-off", []string{"uploads"}, 6},
		{"nosql-off", []string{"nosql"}, 7},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok, said := b.attackGuarded(t, switchOff(t, tt.off...))
			if got.scan != nil {
				for _, m := range got.scan.Mistakes {
					want := finding.Closed
					if m.Number == tt.mistake {
						want = finding.Open
					}
					if m.Verdict != want {
						t.Errorf("mistake %d: the scan says %s; want %s (%s)", m.Number, m.Verdict, want, m.Reason)
					}
				}
			}
			for _, r := range got.results {
				if want := r.Mistake == tt.mistake; r.Exploited != want {
					t.Errorf("mistake %d (%s): exploited %v; want %v: %q", r.Mistake, r.Name, r.Exploited, want, r.Evidence)
				}
				if !r.Worked {
					t.Errorf("mistake %d (%s): the ordinary use beside the attack failed: %v", r.Mistake, r.Name, r.Err)
				}
			}
			if ok != (tt.mistake == 0) {
				t.Errorf("the verdict is %v:\n%s", ok, said)
			}
			if tt.mistake != 0 && !strings.Contains(said, sections[tt.mistake-1]) {
				t.Errorf("the verdict does not name %s:\n%s", sections[tt.mistake-1], said)
			}
		})
	}
}

// The attacks leave the login attempts of 127.0.0.1 to whoever opens the shop in
// a browser afterwards.
func TestAliceCanLogInAfterTheAttacks(t *testing.T) {
	if l, err := net.Listen("tcp", "127.0.0.2:0"); err != nil {
		t.Skip("this system has one loopback address, which the attacks share:", err)
	} else {
		l.Close()
	}
	b := newBed(t)
	b.attackGuarded(t, switchOff(t))
	guarded := b.targets[len(b.targets)-1]
	a, err := b.client.Post(guarded.url+"/api/login", "application/json", strings.NewReader(`{"email":"alice@shop.example","password":"sunshine1"}`))
	if err != nil {
		t.Fatal(err)
	}
	a.Body.Close()
	if a.StatusCode != http.StatusOK {
		t.Errorf("got %s; want 200", a.Status)
	}
}

func TestTheCommandLine(t *testing.T) {
	for _, tt := range []struct {
		name string
		args []string
		want options
		ok   bool
	}{
		{"nothing", nil, options{}, true},
		{"everything", []string{"-check", "-policy", "p.yaml", "-mongo", "mongodb://127.0.0.1:27017/", "-log", "-v"},
			options{check: true, policy: "p.yaml", mongo: "mongodb://127.0.0.1:27017/", log: true, all: true}, true},
		{"two-dashes", []string{"--check"}, options{check: true}, true},
		{"unknown-flag", []string{"-x"}, options{}, false},
		{"an-argument", []string{"p.yaml"}, options{}, false},
		{"an-argument-before-a-flag", []string{"p.yaml", "-check"}, options{}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var said bytes.Buffer
			got, err := parse(tt.args, &said)
			if (err == nil) != tt.ok || tt.ok && got != tt.want {
				t.Errorf("got %+v, %v; want %+v, %v", got, err, tt.want, tt.ok)
			}
			if tt.ok != (said.Len() == 0) {
				t.Errorf("it said %q", said.String())
			}
		})
	}
}

// The whole demo says what it claims, and leaves nothing behind.
func TestTheDemoIsAsClaimed(t *testing.T) {
	temp := t.TempDir()
	t.Setenv("TMPDIR", temp)
	var out bytes.Buffer
	ok, err := run(t.Context(), options{check: true}, printer{w: &out})
	if err != nil {
		t.Fatal(err)
	}
	const last = "demo: vulnerable 7/7 found, guarded 0/7, hardened 0/7\n"
	if !ok || !strings.HasSuffix(out.String(), last) {
		t.Errorf("ok %v; it said:\n%s", ok, out.String())
	}
	if strings.Contains(out.String(), "\x1b[") {
		t.Error("it is in colour although it is not on a terminal")
	}
	left, err := os.ReadDir(temp)
	if err != nil || len(left) > 0 {
		t.Errorf("it left %v behind (%v)", left, err)
	}
}

// Without -check it serves until it is asked to stop.
func TestTheDemoServesUntilItIsStopped(t *testing.T) {
	t.Setenv("TMPDIR", t.TempDir())
	ctx, stop := context.WithCancel(t.Context())
	out := stopAt{stop: stop, at: "serving until"}
	ok, err := run(ctx, options{}, printer{w: &out})
	if err != nil || !ok {
		t.Errorf("got %v, %v; want a good end", ok, err)
	}
}

// stopAt stops the demo when it has said something.
type stopAt struct {
	stop func()
	at   string
}

func (s *stopAt) Write(b []byte) (int, error) {
	if strings.Contains(string(b), s.at) {
		s.stop()
	}
	return len(b), nil
}

func TestBadPoliciesEndTheDemo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(file, []byte("header: off\nrate_limits: {rules: [{match: api}]}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	_, err := run(t.Context(), options{check: true, policy: file}, printer{w: &out})
	if err == nil || !strings.Contains(err.Error(), "bad.yaml:1:1: header") || !strings.Contains(err.Error(), "bad.yaml:2:") {
		t.Errorf("got %v; want both faults", err)
	}
}

func TestTheCommittedPolicyIsGood(t *testing.T) {
	t.Setenv("PANOPLY_TOKEN_KEY", "kq83hdYw02mzPq-not-a-secret-but-long-enough")
	file, err := policy.Write(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := panoply.Check(file); err != nil {
		t.Error(err)
	}
}

func TestEvidenceIsCutForAPerson(t *testing.T) {
	r := attack.Result{Mistake: 1, Name: "no security headers", Exploited: true, Worked: true,
		Evidence: []string{strings.Repeat("x", 300), "two", "three", "four", "five", "six"}}
	for _, tt := range []struct {
		name     string
		p        printer
		has, not string
		longest  int
	}{
		{"piped", printer{}, "and 2 more", "five", 110},
		{"wide-terminal", printer{width: 200}, "and 2 more", "five", 110},
		{"narrow-terminal", printer{width: 80}, "and 2 more", "five", 80},
		{"no-room-at-all", printer{width: 3}, "and 2 more", "five", 110},
		{"all", printer{width: 80, all: true}, "six", "more", 306},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			tt.p.w = &out
			tt.p.table([]report{{target{name: "guarded"}, []attack.Result{r}, nil}})
			if got := out.String(); !strings.Contains(got, tt.has) || strings.Contains(got, tt.not) {
				t.Errorf("want %q and not %q:\n%s", tt.has, tt.not, got)
			}
			longest := 0
			for line := range strings.Lines(out.String()) {
				longest = max(longest, utf8.RuneCountInString(strings.TrimSuffix(line, "\n")))
			}
			if longest != tt.longest {
				t.Errorf("the longest line has %d characters; want %d", longest, tt.longest)
			}
		})
	}
}

func TestColour(t *testing.T) {
	r := attack.Result{Mistake: 1, Name: "no security headers", Worked: true}
	for _, tt := range []struct {
		name   string
		colour bool
		want   string
	}{
		{"colour", true, "1  no security headers             \x1b[32msafe       \x1b[0m\n"},
		{"plain", false, "1  no security headers             safe\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			printer{w: &out, colour: tt.colour}.table([]report{{target{name: "guarded"}, []attack.Result{r}, nil}})
			if !strings.Contains(out.String(), tt.want) {
				t.Errorf("no %q in %q", tt.want, out.String())
			}
		})
	}
}
