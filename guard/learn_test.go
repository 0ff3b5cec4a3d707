// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Clients behind a proxy are told apart, by whichever header it writes, and a report is
// answered by the guard alone.
func TestLearningTellsClientsApart(t *testing.T) {
	for _, header := range []string{"X-Forwarded-For", "Forwarded"} {
		t.Run(header, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "csp.yaml")
			reached := 0
			g := start(t, func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/.well-known") {
					reached++
				}
				w.Header().Set("Content-Type", "text/html")
				io.WriteString(w, "<script>all()</script>"+map[bool]string{true: "<script>one()</script>"}[strings.HasSuffix(r.Header.Get("X-Who"), "1")])
			}, options{policy: fmt.Sprintf("trusted_proxies: [127.0.0.0/8]\nforwarded_header: %s\ncsp: {mode: learn, file: %q, clients: 3}\n", header, file)})
			for i := range 4 {
				for range 2 {
					req, _ := http.NewRequest("GET", g.url+"/page", nil)
					req.Header.Set(header, fmt.Sprintf(map[string]string{"Forwarded": "for=192.0.2.%d", "X-Forwarded-For": "192.0.2.%d"}[header], i))
					req.Header.Set("X-Who", fmt.Sprint(i))
					res, err := g.client.Do(req)
					if err != nil {
						t.Fatal(err)
					}
					io.Copy(io.Discard, res.Body)
					res.Body.Close()
				}
			}
			res, err := g.client.Post(g.url+"/.well-known/panoply/csp", "application/csp-report", strings.NewReader(`{"csp-report":{}}`))
			if err != nil {
				t.Fatal(err)
			}
			if res.Body.Close(); res.StatusCode != 204 || reached > 0 {
				t.Errorf("a report: status %d, reached the app %d times", res.StatusCode, reached)
			}
			g.learner.Close()
			proposed, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, want := range []string{"seen 8x by 4: \"all()\"", "left out, seen by too few", "seen 2x by 1: \"one()\""} {
				if !strings.Contains(string(proposed), want) {
					t.Errorf("%s is not in\n%s", want, proposed)
				}
			}
		})
	}
}
