// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/nosql"
)

// vector is one recorded request of the conformance data; see its README.
type vector struct {
	ID, Note, Family, Group, Expect, Method, Target string

	Headers   [][2]string
	BodyB64   string   `json:"body_b64"`
	Transfer  string   `json:"transfer"`
	ChunksB64 []string `json:"chunks_b64"`
	Generate  *struct {
		Kind     string `json:"kind"`
		PadBytes int    `json:"pad_bytes"`
		Then     string `json:"then"`
	} `json:"generate"`
}

func vectors(t *testing.T, name string) []vector {
	t.Helper()
	src, err := os.ReadFile("../shared/vectors/" + name)
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) < 100 {
		t.Fatalf("%s has %d cases", name, len(file.Cases))
	}
	return file.Cases
}

func (v vector) body(t *testing.T) []byte {
	t.Helper()
	if v.Generate != nil {
		return []byte(`{"pad":"` + strings.Repeat("x", v.Generate.PadBytes) + `",` + strings.TrimPrefix(v.Generate.Then, "{"))
	}
	body, err := base64.StdEncoding.DecodeString(v.BodyB64)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// raw is the request as it goes over the wire.
func (v vector) raw(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: example.test\r\n", v.Method, v.Target)
	for _, h := range v.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if v.Transfer == "chunked" {
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for _, c := range v.ChunksB64 {
			chunk, err := base64.StdEncoding.DecodeString(c)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		b.WriteString("0\r\n\r\n")
		return b.Bytes()
	}
	body := v.body(t)
	if len(body) > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// send plays the request through a suit and tells the status and what arrived
// behind it.
func (v vector) send(t *testing.T, s *panoply.Suit) (status int, reached bool, arrived []byte) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(v.raw(t))))
	if err != nil {
		return http.StatusBadRequest, false, nil // net/http's server refuses it alike
	}
	r.RemoteAddr = "192.0.2.1:1234"
	rec := httptest.NewRecorder()
	s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		reached = true
		arrived, _ = io.ReadAll(r.Body)
	})).ServeHTTP(rec, r)
	return rec.Code, reached, arrived
}

func quiet(t *testing.T, p panoply.Policy) *panoply.Suit {
	t.Helper()
	s, err := panoply.New(p, panoply.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Both profiles refuse every recorded attack, in whatever place and encoding.
func TestRefusesTheRecordedAttacks(t *testing.T) {
	for _, profile := range []panoply.Profile{panoply.Strict, panoply.Compatible} {
		t.Run(string(profile), func(t *testing.T) {
			refused := 0
			for _, v := range vectors(t, "nosql_attacks.json") {
				if v.Expect != "block" && v.Expect != "reject_malformed" {
					continue
				}
				// A suit of its own for each: failed logins would meet the limit.
				s := quiet(t, panoply.Policy{Profile: profile})
				status, reached, _ := v.send(t, s)
				if reached || status < 400 || status > 499 {
					t.Errorf("%s %s (%s): %s %s: status %d, reached the app %v; want it refused", v.ID, v.Family, v.Note, v.Method, v.Target, status, reached)
					continue
				}
				refused++
			}
			t.Logf("%d recorded attacks refused", refused)
		})
	}
}

// Ordinary requests arrive byte for byte, but for multipart part headers, which
// are written anew.
func TestLetsRecordedOrdinaryRequestsPass(t *testing.T) {
	for _, profile := range []panoply.Profile{panoply.Strict, panoply.Compatible} {
		t.Run(string(profile), func(t *testing.T) {
			passed := 0
			for _, v := range vectors(t, "nosql_benign.json") {
				s := quiet(t, panoply.Policy{Profile: profile, NoSQL: panoply.NoSQLSection{Config: legit(v)}})
				status, reached, arrived := v.send(t, s)
				if why, ok := strictRefuses[v.ID]; ok && profile == panoply.Strict {
					if reached {
						t.Errorf("%s passes; want it refused: %s", v.ID, why)
					}
					continue
				}
				same := bytes.Equal(arrived, v.body(t)) || multipart(v)
				if !reached || !same {
					t.Errorf("%s %s (%s): %s %s: status %d, reached the app %v, unchanged %v; want it to pass", v.ID, v.Group, v.Note, v.Method, v.Target, status, reached, same)
					continue
				}
				passed++
			}
			t.Logf("%d ordinary requests passed", passed)
		})
	}
}

// strictRefuses are ordinary requests that the strict profile refuses on
// purpose, on a route that no policy names.
var strictRefuses = map[string]string{
	"nb-0211": "a text file is not on the default list of upload types",
	"nb-0213": "a JSON file is not on the default list of upload types",
}

// legit is what an operator would allow for a request with legitimate `$`
// names: those names, on everything.
func legit(v vector) (c nosql.Config) {
	if v.Group != "dollar_key_legit" {
		return c
	}
	c.Allow = []nosql.Allow{{Match: "/", Keys: []string{
		"$filter", "$top", "$skip", "$select", "$orderby", "$expand", "$count", "$search", "$format",
		"$ref", "$schema", "$id", "$defs", "$comment", "$anchor", "$vocabulary",
		"$oid", "$date", "$numberLong", "$numberDecimal", "$binary", "$patch", "$set", "$set_once", "$type", "$value", "$description", "$extensions",
		"$promise", "$email", "$resolved", "$token", "$distinct_id", "$ip", "$sort", "$limit", "$or", "$where", "$everything",
	}}}
	return c
}

func multipart(v vector) bool {
	for _, h := range v.Headers {
		if strings.EqualFold(h[0], "Content-Type") && strings.HasPrefix(h[1], "multipart/") {
			return true
		}
	}
	return false
}
