// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// errorsApp describes itself.
type errorsApp struct {
	Dir      string              // where its code is, which no answer may tell
	Ways     []string            // in which it lets an error out
	Failures map[string][]string // what of each no client may see
}

// reply is an answer, read whole.
type reply struct {
	status int
	header http.Header
	body   string
}

func fetchAll(t *testing.T, client *http.Client, url string, header http.Header) (reply, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		return reply{}, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	return send(client, req)
}

func send(client *http.Client, req *http.Request) (reply, error) {
	res, err := client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(body)}, err
}

// stackLine is a line of a stack trace, however it is written down.
var stackLine = regexp.MustCompile(`(?:at |\(|file:/+)[^\s"'<>]*(?:/[\w.-]+\.[cm]?[jt]s|node:[\w/]+):\d+:\d+`)

// stackKey is a stack trace under its usual name, even where no line of it is left.
var stackKey = regexp.MustCompile(`stack\w*\\*"\s*:\s*\[?\\*"\w*Error`)

// shown is what of a failure an answer shows: one of its own words, a line of a
// stack trace, where the code is. Nothing of the guard's decides it.
func (a errorsApp) shown(failure, body string) []string {
	var found []string
	for _, word := range append(slices.Clone(a.Failures[failure]), a.Dir, "node_modules", "node:internal", "s3cr3t-t0ken-value", "hunter2") {
		quoted, _ := json.Marshal(word)
		if strings.Contains(body, word) || strings.Contains(body, strings.Trim(string(quoted), `"`)) {
			found = append(found, word)
		}
	}
	if key := stackKey.FindString(body); key != "" {
		found = append(found, key)
	}
	if line := stackLine.FindString(body); line != "" {
		found = append(found, line)
	}
	return found
}

// TestWhatOnlyLooksLikeALeakStays sends documentation, code, logs, test reports,
// error trackers and well-formed refusals through the guard: half of them written
// by published packages, unedited. All of it arrives byte for byte.
func TestWhatOnlyLooksLikeALeakStays(t *testing.T) {
	url := startApp(t, "errors")
	g := startGuard(t, url, compatible)
	list, err := fetchAll(t, http.DefaultClient, url+"/benign", nil)
	if err != nil {
		t.Fatal(err)
	}
	var all []struct {
		What   string
		Status int
		By     string // software, people who published a package, or us
	}
	if err := json.Unmarshal([]byte(list.body), &all); err != nil {
		t.Fatal(err)
	}
	by, failed := make(map[string]int), 0
	for i, one := range all {
		path := fmt.Sprintf("/benign/%d", i)
		direct, err := fetchAll(t, http.DefaultClient, url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		guarded, err := fetchAll(t, g.client, g.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		by[one.By]++
		if direct.status >= 400 {
			failed++
		}
		if direct.status != one.Status || guarded.status != direct.status || guarded.body != direct.body ||
			guarded.header.Get("Content-Type") != direct.header.Get("Content-Type") {
			t.Errorf("%s (%d) became %d\n%.500s\nfrom\n%.500s", one.What, one.Status, guarded.status, guarded.body, direct.body)
		}
	}
	t.Logf("%d answers by %v, %d with a 4xx", len(all), by, failed)
	if len(all) < 400 || by["software"]*2 < len(all) || failed < 80 {
		t.Errorf("%d answers by %v, %d with a 4xx; want 400, half of them by software, 80", len(all), by, failed)
	}
}

// TestErrorsTellNothing lets each failure of real packages out in each of the
// ways in which frameworks and handlers do. What shows something of the inside
// leaves as a problem of the same status; what shows nothing stays as it is.
func TestErrorsTellNothing(t *testing.T) {
	url := startApp(t, "errors")
	g := startGuard(t, url, compatible)
	page, err := fetchAll(t, http.DefaultClient, url+"/", nil)
	if err != nil {
		t.Fatal(err)
	}
	var app errorsApp
	if err := json.Unmarshal([]byte(page.body), &app); err != nil {
		t.Fatal(err)
	}
	if len(app.Failures) < 70 || len(app.Ways) < 18 {
		t.Fatalf("%d failures in %d ways", len(app.Failures), len(app.Ways))
	}

	var mu sync.Mutex
	leaky, harmless, replaced := make(map[string]bool), 0, 0
	var work sync.WaitGroup
	next := make(chan [2]string)
	for range 4 {
		work.Go(func() {
			for c := range next {
				path := "/" + c[0] + "/" + c[1]
				direct, err := fetchAll(t, http.DefaultClient, url+path, nil)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				guarded, err := fetchAll(t, g.client, g.url+path, nil)
				if err != nil {
					t.Errorf("%s: %v", path, err)
					continue
				}
				err = app.compare(c[1], direct, guarded)
				shown := app.shown(c[1], direct.body)
				mu.Lock()
				if len(shown) > 0 {
					leaky[c[1]] = true
					replaced++
				} else {
					harmless++
				}
				mu.Unlock()
				if err != nil {
					t.Errorf("%s (%d): %v", path, direct.status, err)
				}
			}
		})
	}
	for failure := range app.Failures {
		for _, way := range app.Ways {
			next <- [2]string{way, failure}
		}
	}
	close(next)
	work.Wait()
	t.Logf("%d failures in %d ways: %d answers leaked and were replaced, %d leaked nothing", len(app.Failures), len(app.Ways), replaced, harmless)
	if len(leaky) < 70 || harmless < 50 {
		t.Errorf("only %d failures leaked in some way, %d answers leaked nothing: the app is not what it was", len(leaky), harmless)
	}
}

// TestTheOriginalIsInTheLog finds what an app said under the id that the client
// got instead, on one line, its secrets masked and its line breaks escaped.
func TestTheOriginalIsInTheLog(t *testing.T) {
	url := startApp(t, "errors")
	g := startGuard(t, url, compatible)
	for path, words := range map[string][]string{
		"/stack/pg-refused":           {"errors/leak", "connect ECONNREFUSED 127.0.0.1:9"},
		"/message-500/pg-refused":     {"errors/body", "connect ECONNREFUSED 127.0.0.1:9"},
		"/inspect/axios":              {"errors/leak", "AxiosError"},
		"/graphql/postgres-unique":    {"errors/leak", "users_email_key"},
		"/express5-page/no-such-file": {"errors/body", "/var/lib/shop/prices.json"},
	} {
		guarded, err := fetchAll(t, g.client, g.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		id := guarded.header.Get("X-Request-Id")
		line := ""
		for deadline := time.Now().Add(5 * time.Second); line == "" && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			for l := range strings.SplitSeq(g.process.Output(), "\n") {
				if id != "" && strings.Contains(l, id) {
					line = l
				}
			}
		}
		for _, word := range words {
			if !strings.Contains(line, word) {
				t.Errorf("%s: %q is not in the log line of %s: %.600s", path, word, id, line)
			}
		}
		if strings.Contains(line, "s3cr3t-t0ken-value") || len(line) > 8<<10 {
			t.Errorf("%s: the line has the token, or %d bytes", path, len(line))
		}
	}
}

// compare reports what is wrong with the guarded answer.
func (a errorsApp) compare(failure string, direct, guarded reply) error {
	if direct.status != guarded.status {
		return fmt.Errorf("status %d through the guard", guarded.status)
	}
	if shown := a.shown(failure, guarded.body); len(shown) > 0 {
		return fmt.Errorf("through the guard it still shows %q in\n%.600s", shown, guarded.body)
	}
	if direct.status >= 500 || len(a.shown(failure, direct.body)) > 0 {
		if guarded.header.Get("X-Request-Id") == "" || !strings.Contains(guarded.body, guarded.header.Get("X-Request-Id")) {
			return fmt.Errorf("no id in\n%.300s", guarded.body)
		}
		return nil
	}
	if direct.body != guarded.body || direct.header.Get("Content-Type") != guarded.header.Get("Content-Type") {
		return fmt.Errorf("it showed nothing, and became\n%.300s\nfrom\n%.300s", guarded.body, direct.body)
	}
	return nil
}
