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

// needed are the names that an operator has to allow for ordinary requests with a `$`
// of their own. Others of their group pass by default: what they carry belongs to
// another standard, and is no operator of MongoDB.
var needed = map[string][]string{
	"nb-0233": {"$promise", "$resolved"},
	"nb-0237": {"$token", "$distinct_id", "$set", "$email"},
	"nb-0239": {"$patch"},
	"nb-0241": {"$value", "$type"},
	"nb-0243": {"$limit", "$sort"},
	"nb-0247": {"$where", "$limit"},
	"nb-0249": {"$everything"},
}

func legit(v vector) (c nosql.Config) {
	if keys := needed[v.ID]; keys != nil {
		c.Allow = []nosql.Allow{{Match: v.Method + " " + strings.SplitN(v.Target, "?", 2)[0], Keys: keys}}
	}
	return c
}

// What has to be allowed is refused until it is, and nothing else of its group is.
func TestLegitimateNamesThatHaveToBeAllowed(t *testing.T) {
	byDefault := 0
	for _, v := range vectors(t, "nosql_benign.json") {
		if v.Group != "dollar_key_legit" {
			continue
		}
		_, reached, _ := v.send(t, quiet(t, panoply.Policy{}))
		if reached == (needed[v.ID] != nil) {
			t.Errorf("%s (%s): reached the app %v; has to be allowed: %v", v.ID, v.Note, reached, needed[v.ID])
		}
		if reached {
			byDefault++
		}
	}
	t.Logf("%d of 13 pass by default, %d once they are allowed", byDefault, len(needed))
}

// Where the policy names the fields whose text is JSON, what they hold is inspected.
func TestRefusesRecordedAttacksInsideJSONText(t *testing.T) {
	fields := []string{"authorMatch", "filter", "q", "where", "conditions", "sort", "populate"}
	for _, v := range vectors(t, "nosql_attacks.json") {
		if v.Expect != "block_if_json_values_inspected" {
			continue
		}
		s := quiet(t, panoply.Policy{NoSQL: panoply.NoSQLSection{Config: nosql.Config{JSONFields: fields}}})
		if status, reached, _ := v.send(t, s); reached || status != http.StatusBadRequest {
			t.Errorf("%s (%s): status %d, reached the app %v; want it refused", v.ID, v.Note, status, reached)
		}
	}
}

// For the rest of the attacks a product has to decide. What is decided is on file, so
// that it changes only on purpose; why, docs/decisions/0013 says.
func TestWhatIsDecidedAboutTheOtherAttacks(t *testing.T) {
	var got strings.Builder
	for _, v := range vectors(t, "nosql_attacks.json") {
		if v.Expect == "block" || v.Expect == "reject_malformed" {
			continue
		}
		status, reached, _ := v.send(t, quiet(t, panoply.Policy{}))
		verdict := "passes"
		if !reached {
			verdict = fmt.Sprint(status)
		}
		fmt.Fprintf(&got, "%s %s %s %s\n", v.ID, v.Family, v.Expect, verdict)
	}
	golden(t, "attacks-decided.golden", []byte(got.String()))
}

func multipart(v vector) bool {
	for _, h := range v.Headers {
		if strings.EqualFold(h[0], "Content-Type") && strings.HasPrefix(h[1], "multipart/") {
			return true
		}
	}
	return false
}
