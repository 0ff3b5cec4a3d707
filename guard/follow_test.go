// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
)

// followed is a guard whose policy is a file.
type followed struct {
	*running
	f    *follower
	file string
}

func follow(t *testing.T, files map[string]string) *followed {
	t.Helper()
	f := &followed{file: filepath.Join(t.TempDir(), "policy.yaml")}
	for name, text := range files {
		f.write(t, name, text)
	}
	p, err := panoply.Load(f.file)
	if err != nil {
		t.Fatal(err)
	}
	f.running = start(t, ok, options{loaded: &p})
	load := func() (panoply.Policy, error) {
		p, err := panoply.Load(f.file)
		p.Upstream, p.Listen, p.Admin = f.policy.Upstream, f.policy.Listen, f.policy.Admin
		return p, err
	}
	f.f = f.follower(f.file, load)
	return f
}

// write writes a file beside the policy in one go, later than any before.
func (f *followed) write(t *testing.T, name, text string) {
	t.Helper()
	at := filepath.Join(filepath.Dir(f.file), name)
	if err := os.WriteFile(at+".new", []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(at+".new", at); err != nil {
		t.Fatal(err)
	}
}

// rest is as much as it takes for a change to count: two looks.
func (f *followed) rest(t *testing.T) {
	f.f.look(t.Context())
	f.f.look(t.Context())
}

// refused says which of the app's routes want another body.
func (f *followed) refused(t *testing.T) string {
	got := ""
	for _, path := range []string{"/a", "/b"} {
		if f.post(t, path, `{"n":"x"}`) == 400 {
			got += path
		}
	}
	return got
}

const (
	closesA = `bodies: {routes: [{match: POST /a, schema: s.json}]}`
	closesB = `bodies: {routes: [{match: POST /b, schema: s.json}]}`
	number  = `{"properties": {"n": {"type": "number"}}}`
	text    = `{"properties": {"n": {"type": "string"}}}`
)

func TestChangedFilesTakeEffect(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, f *followed)
		want   string
	}{
		"nothing":        {func(t *testing.T, f *followed) {}, "/a"},
		"renamed-over":   {func(t *testing.T, f *followed) { f.write(t, "policy.yaml", closesB) }, "/b"},
		"a-schema":       {func(t *testing.T, f *followed) { f.write(t, "s.json", text) }, ""},
		"in-place":       {func(t *testing.T, f *followed) { os.WriteFile(f.file, []byte(closesB+"\n"), 0o600) }, "/b"},
		"gone":           {func(t *testing.T, f *followed) { os.Remove(f.file) }, "/a"},
		"a-schema-gone":  {func(t *testing.T, f *followed) { os.Remove(filepath.Join(filepath.Dir(f.file), "s.json")) }, "/a"},
		"no-policy":      {func(t *testing.T, f *followed) { f.write(t, "policy.yaml", "bodies: [") }, "/a"},
		"no-schema":      {func(t *testing.T, f *followed) { f.write(t, "s.json", `{"properties": 1}`) }, "/a"},
		"of-other-files": {func(t *testing.T, f *followed) { f.write(t, "another.json", text) }, "/a"},
		"a-link": {func(t *testing.T, f *followed) {
			f.write(t, "other.yaml", closesB)
			link := f.file + ".link"
			if err := os.Symlink("other.yaml", link); err != nil {
				t.Fatal(err)
			}
			os.Rename(link, f.file)
		}, "/b"},
	} {
		t.Run(name, func(t *testing.T) {
			f := follow(t, map[string]string{"policy.yaml": closesA, "s.json": number})
			tt.change(t, f)
			f.rest(t)
			if got := f.refused(t); got != tt.want {
				t.Errorf("refused on %q; want %q", got, tt.want)
			}
		})
	}
}

// A link that is turned to another directory, as Kubernetes updates its volumes.
func TestATurnedLinkTakesEffect(t *testing.T) {
	f := follow(t, map[string]string{"policy.yaml": "profile: strict\n"})
	dir := filepath.Dir(f.file)
	turn := func(to, schema string) {
		os.Mkdir(filepath.Join(dir, to), 0o700)
		f.write(t, to+"/s.json", schema)
		if err := os.Symlink(to, filepath.Join(dir, "next")); err != nil {
			t.Fatal(err)
		}
		os.Rename(filepath.Join(dir, "next"), filepath.Join(dir, "now"))
		f.rest(t)
	}
	turn("one", number)
	f.write(t, "policy.yaml", "bodies: {routes: [{match: POST /a, schema: now/s.json}]}")
	f.rest(t)
	if got := f.refused(t); got != "/a" {
		t.Fatalf("refused on %q", got)
	}
	turn("two", text)
	if got := f.refused(t); got != "" {
		t.Errorf("refused on %q after the link was turned", got)
	}
}

// What changes from one look to the next is still being written.
func TestFilesMustRest(t *testing.T) {
	f := follow(t, map[string]string{"policy.yaml": closesA, "s.json": number})
	for i := range 3 {
		f.write(t, "policy.yaml", "bodies: ["+strings.Repeat(" ", i))
		f.f.look(t.Context())
	}
	f.write(t, "policy.yaml", closesB)
	f.rest(t)
	if got := f.refused(t); got != "/b" || strings.Contains(f.log.String(), "not reloaded") {
		t.Errorf("refused on %q, and the log has\n%s", got, f.log)
	}
}

// A fault is told once, all of them at once, and mending any file that the refused
// policy names is enough.
func TestABadFileChangesNothing(t *testing.T) {
	f := follow(t, map[string]string{"policy.yaml": closesA, "s.json": number})
	f.write(t, "policy.yaml", `{cookies: {cross_origin: often}, nosql: {strings: [""]}, bodies: {routes: [{match: POST /b, schema: t.json}]}}`)
	for range 3 {
		f.rest(t)
	}
	if n := strings.Count(f.log.String(), "the policy was not reloaded"); n != 1 {
		t.Errorf("told %d times", n)
	}
	for _, fault := range []string{"cookies.cross_origin", "bodies.routes[0].schema"} {
		if !strings.Contains(f.log.String(), "policy.yaml:1:") || !strings.Contains(f.log.String(), fault) {
			t.Errorf("the log does not tell %s:\n%s", fault, f.log)
		}
	}
	f.write(t, "policy.yaml", `bodies: {routes: [{match: POST /b, schema: t.json}]}`)
	f.rest(t)
	if got := f.refused(t); got != "/a" {
		t.Fatalf("refused on %q while the schema is missing", got)
	}
	f.write(t, "t.json", number)
	f.rest(t)
	if got := f.refused(t); got != "/b" {
		t.Errorf("refused on %q after the schema was mended", got)
	}
}

func TestWatchFalse(t *testing.T) {
	f := follow(t, map[string]string{"policy.yaml": closesA, "s.json": number})
	f.write(t, "policy.yaml", "watch: false\n"+closesB)
	f.rest(t)
	f.write(t, "policy.yaml", closesA)
	f.rest(t)
	if got := f.refused(t); got != "/b" {
		t.Errorf("refused on %q, though nobody watches", got)
	}
	f.f.reload(t.Context()) // as a signal does
	if got := f.refused(t); got != "/a" {
		t.Errorf("refused on %q after the signal", got)
	}
	f.write(t, "policy.yaml", closesB)
	f.rest(t)
	if got := f.refused(t); got != "/b" {
		t.Errorf("refused on %q, though it is watched again", got)
	}
}

// A certificate that was renewed is served, also while the policy has a fault.
func TestRenewedCertificates(t *testing.T) {
	cert, key, _ := certificate(t)
	policy := fmt.Sprintf("tls: {cert: %q, key: %q}\n", cert, key)
	f := follow(t, map[string]string{"policy.yaml": policy})
	served := func() string {
		t.Helper()
		c, err := tls.Dial("tcp", f.addr, &tls.Config{InsecureSkipVerify: true}) // which one is the question
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		return string(c.ConnectionState().PeerCertificates[0].Raw)
	}
	renew := func() {
		t.Helper()
		newCert, newKey, _ := certificate(t)
		for from, to := range map[string]string{newCert: cert, newKey: key} {
			if err := os.Rename(from, to); err != nil {
				t.Fatal(err)
			}
		}
		f.rest(t)
	}
	first := served()
	renew()
	second := served()
	if second == first {
		t.Error("the certificate that was renewed is not served")
	}
	f.write(t, "policy.yaml", policy+"bodies: often\n")
	f.rest(t)
	if served() != second {
		t.Error("a bad policy changes the certificate")
	}
	renew()
	if served() == second {
		t.Error("a bad policy keeps the certificate from being renewed")
	}
	os.WriteFile(cert, []byte("half"), 0o600)
	f.rest(t)
	served()
	if !strings.Contains(f.log.String(), "the certificate was not read anew") {
		t.Error("the log does not tell of the bad certificate")
	}
}

// Follow looks by itself, does what is asked, and ends.
func TestFollow(t *testing.T) {
	f := follow(t, map[string]string{"policy.yaml": closesA, "s.json": number})
	f.times.look = time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	asked, done := make(chan os.Signal), make(chan bool)
	go func() {
		defer close(done)
		f.Follow(ctx, f.file, f.f.load, asked)
	}()
	asked <- os.Interrupt
	f.write(t, "policy.yaml", closesB)
	for until := time.Now().Add(patience); f.refused(t) != "/b"; {
		if time.Now().After(until) {
			t.Fatal("the change does not take effect")
		}
	}
	cancel()
	<-done
	if resp, err := http.Get(f.url); err != nil {
		t.Error(err)
	} else {
		resp.Body.Close()
		http.DefaultClient.CloseIdleConnections()
	}
}
