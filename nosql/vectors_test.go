// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package nosql_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/base64"
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
	ID, Note, Family, Group, Expect, Method, Target string
	Headers                                         [][2]string
	BodyB64                                         string   `json:"body_b64"`
	Transfer                                        string   `json:"transfer"`
	ChunksB64                                       []string `json:"chunks_b64"`
	Generate                                        *struct {
		Kind     string `json:"kind"`
		PadBytes int    `json:"pad_bytes"`
		Then     string `json:"then"`
	} `json:"generate"`
}

func vectors(t *testing.T, name string) []vector {
	t.Helper()
	src, err := os.ReadFile("../../shared/vectors/" + name)
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(src, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) == 0 {
		t.Fatal("no cases")
	}
	return file.Cases
}

// raw is the request as it goes over the wire.
func (v vector) raw(t *testing.T) []byte {
	t.Helper()
	body, err := base64.StdEncoding.DecodeString(v.BodyB64)
	if err != nil {
		t.Fatal(err)
	}
	if v.Generate != nil {
		body = []byte(`{"pad":"` + strings.Repeat("x", v.Generate.PadBytes) + `",` + strings.TrimPrefix(v.Generate.Then, "{"))
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: example.test\r\n", v.Method, v.Target)
	for _, h := range v.Headers {
		fmt.Fprintf(&b, "%s: %s\r\n", h[0], h[1])
	}
	if v.Transfer == "chunked" {
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for _, c := range v.ChunksB64 {
			chunk, _ := base64.StdEncoding.DecodeString(c)
			fmt.Fprintf(&b, "%x\r\n%s\r\n", len(chunk), chunk)
		}
		b.WriteString("0\r\n\r\n")
		return b.Bytes()
	}
	if len(body) > 0 {
		fmt.Fprintf(&b, "Content-Length: %d\r\n", len(body))
	}
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes()
}

// send plays the request through the guard and tells the status and a digest of
// the body that arrived behind it; the status is 200 when it arrived.
func send(t *testing.T, g *nosql.Guard, v vector) (status int, arrived string) {
	t.Helper()
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(v.raw(t))))
	if err != nil {
		return http.StatusBadRequest, "" // net/http's server refuses it alike
	}
	rec := httptest.NewRecorder()
	g.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := sha256.New()
		io.Copy(h, r.Body)
		arrived = fmt.Sprintf("%x", h.Sum(nil))
	})).ServeHTTP(rec, r)
	return rec.Code, arrived
}

// laxer lists attack cases that pass on purpose, with the reason.
var laxer = map[string]string{}

func TestStopsTheRecordedAttacks(t *testing.T) {
	g, err := nosql.New(nosql.Config{})
	if err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, v := range vectors(t, "nosql_attacks.json") {
		switch v.Expect {
		case "block", "reject_malformed":
		default:
			continue
		}
		t.Run(v.ID, func(t *testing.T) {
			status, _ := send(t, g, v)
			if status >= 400 && status < 500 {
				held++
				return
			}
			if why, ok := laxer[v.ID]; ok {
				t.Logf("passes on purpose: %s", why)
				return
			}
			t.Errorf("%s (%s): status %d; want it refused: %s %s", v.Family, v.Note, status, v.Method, v.Target)
		})
	}
	t.Logf("%d recorded attacks refused", held)
}

func TestLetsOrdinaryRequestsPassUnchanged(t *testing.T) {
	g, err := nosql.New(nosql.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range vectors(t, "nosql_benign.json") {
		if v.Group != "plain" {
			continue
		}
		t.Run(v.ID, func(t *testing.T) {
			status, arrived := send(t, g, v)
			body, _ := base64.StdEncoding.DecodeString(v.BodyB64)
			if want := fmt.Sprintf("%x", sha256.Sum256(body)); status != 200 || arrived != want {
				t.Errorf("%s: status %d, body unchanged %v; want it to pass: %s %s", v.Note, status, arrived == want, v.Method, v.Target)
			}
		})
	}
}
