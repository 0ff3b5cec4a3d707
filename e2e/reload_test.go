// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/panoply-security/panoply/e2e/child"
)

// SIGHUP has the guard take its file anew; a file with faults changes nothing and has
// each of them in the log.
func TestReloadBySignal(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "done") }))
	t.Cleanup(app.Close)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(policy string) {
		if err := os.WriteFile(file, []byte("admin: off\nupstream: "+app.URL+"\n"+policy), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("headers: {x_frame_options: sameorigin}\n")
	addr := freeAddr(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	process, _, err := child.Start(ctx, exec.Command(buildCommand(t), "guard", "--config", file, "--listen", addr), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Stop()
		if t.Failed() {
			t.Logf("the guard printed:\n%s", process.Output())
		}
	})
	if err := process.Accepts(ctx, addr); err != nil {
		t.Fatal(err)
	}
	frames := func() string {
		res, err := http.Get("http://" + addr + "/")
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		return res.Header.Get("X-Frame-Options")
	}
	hangUp := func(logged string) {
		if err := syscall.Kill(process.Pid(), syscall.SIGHUP); err != nil {
			t.Fatal(err)
		}
		for ; !strings.Contains(process.Output(), logged); time.Sleep(10 * time.Millisecond) {
			if ctx.Err() != nil {
				t.Fatalf("the log does not tell %q", logged)
			}
		}
	}
	if got := frames(); got != "SAMEORIGIN" {
		t.Fatalf("X-Frame-Options: %s", got)
	}
	write("headers: {x_frame_options: deny}\n")
	hangUp("another policy is in force")
	if got := frames(); got != "DENY" {
		t.Errorf("after the reload, X-Frame-Options: %s", got)
	}
	write("headers: {x_frame_options: perhaps}\nnosql: {strip: [nowhere]}\nlimits: 5\n")
	hangUp("the policy was not reloaded")
	for _, fault := range []string{"policy.yaml:3:", "policy.yaml:4:", "policy.yaml:5:"} {
		if !strings.Contains(process.Output(), fault) {
			t.Errorf("the log does not tell the fault at %s", fault)
		}
	}
	if got := frames(); got != "DENY" {
		t.Errorf("with a bad file, X-Frame-Options: %s", got)
	}
}
