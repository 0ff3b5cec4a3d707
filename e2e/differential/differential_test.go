// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/e2e/child"
	"github.com/panoply-security/panoply/e2e/nodeapp"
	"github.com/panoply-security/panoply/guard"
	"github.com/panoply-security/panoply/nosql"
)

var (
	least   = flag.Duration("least", time.Minute, "go on for so long")
	reached = flag.Int64("reached", 3000, "go on until so many requests have reached the app")
	seed    = flag.Uint64("seed", 1, "the seed of the requests")
	made    = flag.Int64("made", 0, "stop after so many requests, whatever they reached")
	most    = flag.Int("findings", 10, "stop after so many findings")
	askAlso = flag.Uint64("askalso", 4, "have one in so many refused requests read by the oracle, too")
)

const policy = `
profile: %s
upstream: http://%s
listen: 127.0.0.1:0
admin: off
rate_limits: off
errors: off
bodies: {max_bytes: 1MB}
nosql: {strings: [email, password], allow: [{match: "DELETE /", keys: ["$of-deletes"]}]}
`

// Whenever a handler would see an operator, a prototype, a typed field that is no
// string or a method that another rule is for, the guard refused; and what is ordinary
// passes.
func TestNodeSeesNothingThatWasNotRefused(t *testing.T) {
	oracle := startOracle(t)
	run := &Run{Seed: *seed, Oracle: NewPeer(oracle), Recorded: recorded(t), AskAlso: *askAlso, Most: *most, Guards: map[string]*Peer{
		"strict": NewPeer(startGuard(t, "strict", oracle)), "compatible": NewPeer(startGuard(t, "compatible", oracle))}}
	for _, p := range run.Guards {
		t.Cleanup(p.Close)
	}
	t.Cleanup(run.Oracle.Close)
	until := time.Now().Add(*least)
	run.Enough = func(y *Tally) bool {
		return *made > 0 && y.Made >= *made || *made == 0 && y.Reached >= *reached && !time.Now().Before(until)
	}
	y, err := run.Go(t.Context(), 4)
	if err != nil {
		t.Fatalf("seed %d: %v", run.Seed, err)
	}
	t.Logf("seed %d: %d requests, %d reached the app, %d were refused; of %d refused ones that were asked about, %d would have done harm",
		run.Seed, y.Made, y.Reached, y.Refused, y.Asked, y.Dangerous)
	for _, f := range y.Findings {
		t.Errorf("seed %d: %v", run.Seed, f)
	}
	if *made == 0 && len(y.Findings) == 0 && (y.Reached < *reached || y.Dangerous < y.Asked/20) {
		t.Errorf("%d reached the app and %d of %d were dangerous; the run proves too little", y.Reached, y.Dangerous, y.Asked)
	}
}

// startOracle starts the Node process, or skips the test loudly.
func startOracle(t *testing.T) (addr string) {
	t.Helper()
	dir := filepath.Join("..", "apps", "oracle")
	err := nodeapp.Install(t.Context(), dir)
	if missing := (*nodeapp.Missing)(nil); errors.As(err, &missing) {
		if os.Getenv("PANOPLY_REQUIRE") == "1" {
			t.Fatalf("%s is missing: %v", missing.What, missing.Err)
		}
		fmt.Fprintf(os.Stderr, "\n*** SKIPPED %s: %s is missing: %v ***\n\n", t.Name(), missing.What, missing.Err)
		t.Skipf("%s is missing: %v", missing.What, missing.Err)
	} else if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "app.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOST=127.0.0.1", "PORT=0", "NODE_ENV=production",
		"FOREIGN="+strings.Join(nosql.Foreign(), " "), "ODATA="+strings.Join(nosql.OData(), " "))
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	process, match, err := child.Start(ctx, cmd, regexp.MustCompile(`^listening (\d+)$`))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		process.Stop()
		if t.Failed() {
			t.Logf("the oracle printed:\n%s", process.Output())
		}
	})
	return "127.0.0.1:" + match[1]
}

// startGuard runs a guard in this process until the test ends.
func startGuard(t *testing.T, profile, upstream string) (addr string) {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(fmt.Sprintf(policy, profile, upstream)))
	if err != nil {
		t.Fatal(err)
	}
	g, err := guard.New(p, slog.New(slog.NewTextHandler(io.Discard, nil)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- g.Run(ctx, func(url string) { ready <- url }) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the guard ended with %v", err)
		}
	})
	select {
	case url := <-ready:
		return strings.TrimPrefix(url, "http://")
	case err := <-ended:
		ended <- err
		t.Fatal(err)
		return ""
	}
}

// recorded are the requests of the conformance data, to be mutated.
func recorded(t *testing.T) (all []*Request) {
	t.Helper()
	for _, name := range []string{"nosql_attacks.json", "nosql_benign.json"} {
		src, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "vectors", name))
		if err != nil {
			t.Logf("CONFORMANCE DATA ABSENT, NO REQUEST OF IT IS MUTATED: %v", err)
			return nil
		}
		var file struct {
			Cases []struct {
				Method, Target, Transfer string
				Headers                  [][2]string
				Body                     string   `json:"body_b64"`
				Chunks                   []string `json:"chunks_b64"`
				Generate                 any
			}
		}
		if err := json.Unmarshal(src, &file); err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			if c.Generate != nil || len(c.Body) > 8<<10 {
				continue // large ones make mutation slow, and show no more
			}
			r := &Request{Method: c.Method, Target: c.Target, Headers: c.Headers, Chunked: c.Transfer == "chunked"}
			for _, part := range append([]string{c.Body}, c.Chunks...) {
				b, err := base64.StdEncoding.DecodeString(part)
				if err != nil {
					t.Fatal(err)
				}
				r.Body = append(r.Body, b...)
			}
			all = append(all, r)
		}
	}
	return all
}

// What follows from a seed and a number is always the same.
func TestRequestsComeBack(t *testing.T) {
	for n := range uint64(500) {
		if a, b := Make(7, n, nil).Raw(), Make(7, n, nil).Raw(); string(a) != string(b) {
			t.Fatalf("request %d is\n%sand then\n%s", n, quote(a), quote(b))
		}
	}
}
