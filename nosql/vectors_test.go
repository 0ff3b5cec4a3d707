// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/nosql"
)

// vector is one recorded request of the conformance data; see its README.
type vector struct {
	ID, Note, Family, Group, Expect, Method, Target, Transfer string

	Headers  [][2]string
	Body     []byte   `json:"body_b64"`
	Chunks   [][]byte `json:"chunks_b64"`
	Generate *struct {
		PadBytes int `json:"pad_bytes"`
		Then     string
	}
}

// play sends the requests that are chosen through the guard alone, as they go
// over the wire, and checks that they pass unchanged or are refused.
func play(t *testing.T, file string, pass bool, chosen func(vector) bool) {
	t.Helper()
	if played := playThose(t, file, pass, chosen); played < 100 {
		t.Errorf("only %d cases of %s are played", played, file)
	}
}

func playThose(t *testing.T, file string, pass bool, chosen func(vector) bool) (played int) {
	src, err := os.ReadFile("../../shared/vectors/" + file)
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var data struct{ Cases []vector }
	if err := json.Unmarshal(src, &data); err != nil {
		t.Fatal(err)
	}
	g := guard(t, nosql.Config{})
	for _, v := range data.Cases {
		if !chosen(v) {
			continue
		}
		played++
		t.Run(v.ID, func(t *testing.T) {
			if v.Generate != nil {
				v.Body = []byte(`{"pad":"` + strings.Repeat("x", v.Generate.PadBytes) + `",` + strings.TrimPrefix(v.Generate.Then, "{"))
			}
			var arrived []byte
			reached, rec := false, httptest.NewRecorder()
			r, err := http.ReadRequest(bufio.NewReader(v.wire()))
			if err == nil { // net/http's server refuses it otherwise
				g.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
					reached = true
					arrived, _ = io.ReadAll(r.Body)
				})).ServeHTTP(rec, r)
			}
			same := bytes.Equal(arrived, append(v.Body, bytes.Join(v.Chunks, nil)...))
			if reached != pass || reached && !same || !reached && err == nil && (rec.Code < 400 || rec.Code > 499) {
				t.Errorf("%s (%s): %s %s: status %d, reached the app %v, unchanged %v", v.Family, v.Note, v.Method, v.Target, rec.Code, reached, same)
			}
		})
	}
	return played
}

func (v vector) wire() *bytes.Buffer {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: example.test\r\n", v.Method, v.Target)
	for _, h := range v.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	switch {
	case v.Transfer == "chunked":
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for _, c := range v.Chunks {
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(c), c)
		}
		b.WriteString("0\r\n\r\n")
	case len(v.Body) > 0:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n%s", len(v.Body), v.Body)
	default:
		b.WriteString("\r\n")
	}
	return &b
}

func TestStopsTheRecordedAttacks(t *testing.T) {
	play(t, "nosql_attacks.json", false, func(v vector) bool { return v.Expect == "block" || v.Expect == "reject_malformed" })
}

func TestLetsRecordedOrdinaryRequestsPass(t *testing.T) {
	// hapi makes an object of the file of JSON in nb-0213; the suit's compatible profile only
	// reports it (decision 0064).
	play(t, "nosql_benign.json", true, func(v vector) bool { return v.Group == "plain" && v.ID != "nb-0213" })
	if playThose(t, "nosql_benign.json", false, func(v vector) bool { return v.ID == "nb-0213" }) != 1 {
		t.Error("nb-0213 is not there")
	}
}
