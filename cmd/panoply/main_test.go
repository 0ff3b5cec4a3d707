// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"panoply": func() { os.Exit(run(os.Args[1:], streams{os.Stdout, os.Stderr})) },
	})
}

// TestScripts runs the command as a user would. Each script has an app at $APP,
// which tells in its answers what reached it, and a free address at $FREE.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			app := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Powered-By", "Express")
				fmt.Fprintf(w, "reached the app: %s %s\n", r.Method, r.URL.Path)
			}))
			env.Defer(app.Close)
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return err
			}
			env.Setenv("APP", app.URL)
			env.Setenv("FREE", listener.Addr().String())
			return listener.Close()
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"fetch": fetch, "soon": soon},
	})
}

// TestExitCodes are those that scripts rely on.
func TestExitCodes(t *testing.T) {
	app := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	defer app.Close()
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, tt := range map[string]struct {
		want int
		args []string
	}{
		"clean":       {0, []string{"scan", app.URL, "-q", "--fail-on", "critical"}},
		"findings":    {1, []string{"scan", app.URL, "-q"}},
		"usage":       {2, []string{"scan", app.URL, "--nonsense"}},
		"options":     {2, []string{"scan", "ftp://h", "-q"}},
		"unreachable": {3, []string{"scan", gone.URL, "-q"}},
		"stopped":     {4, []string{"scan", app.URL, "-q", "--active", "--max-requests", "1", "--fail-on", "critical"}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := run(tt.args, streams{io.Discard, io.Discard}); got != tt.want {
				t.Errorf("got %d; want %d", got, tt.want)
			}
		})
	}
}
