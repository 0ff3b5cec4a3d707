// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding_test

import (
	"bytes"
	"flag"
	"os"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

var update = flag.Bool("update", false, "write the golden files anew")

func full() *finding.Report {
	login := finding.New(rule.NoSQLOperator, finding.InAnswer("POST", "http://localhost:3000/api/login", "password"),
		"An operator in place of the password signs in")
	login.Evidence = []string{"POST /api/login {\"password\":{\"$ne\":\"\"}}: 200", "control {\"password\":\"zz1\"}: 401"}
	login.Reproduce = "curl -sS -X POST http://localhost:3000/api/login"
	source := inFile(rule.SessionWeakSecret, "app.js", 7, "session({secret})")
	source.Location.EndLine, source.Location.EndColumn = 7, 22
	source.Confidence = finding.Firm
	source.Trace = []finding.Step{{File: "app.js", Line: 2, Column: 3, Note: "\x1b[31mthe secret <script>\u202e"}}
	r := finished(login, source)
	r.Run = &finding.Run{Started: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), DurationMS: 812, Mode: "active", Requests: 41, Left: []string{"user zz1@example.com"}}
	r.Observatory = &finding.Observatory{Grade: "F", Score: 10, Tests: []finding.ObservatoryTest{{Name: "content-security-policy", Code: "csp-not-implemented", Points: -25}}}
	r.Finish()
	return r
}

func encode(t *testing.T, r *finding.Report) string {
	t.Helper()
	var b bytes.Buffer
	if err := r.Encode(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEncode(t *testing.T) {
	got := encode(t, full())
	const file = "testdata/report.json"
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant %s; -update writes it anew", got, file)
	}
	r, err := finding.Decode(strings.NewReader(got))
	if err != nil {
		t.Fatal(err)
	}
	if again := encode(t, r); again != got {
		t.Errorf("read and written again it is\n%s", again)
	}
	r.Finish()
	if again := encode(t, r); again != got {
		t.Errorf("finished again it is\n%s", again)
	}
}

func TestDecodeIsStrict(t *testing.T) {
	good := encode(t, full())
	for _, tt := range []struct{ name, old, new, want string }{
		{"unknown-member", `"tool":`, `"toll": 1, "tool":`, "toll"},
		{"repeated-member", `"tool":`, `"tool": "x", "tool":`, "duplicate"},
		{"another-case", `"tool":`, `"Tool":`, "Tool"},
		{"something-behind", "}\n", "} {}", "top-level"},
		{"severity", `"severity": "critical"`, `"severity": "catastrophic"`, "findings[0].severity"},
		{"confidence", `"confidence": "certain"`, `"confidence": ""`, "].confidence"},
		{"rule-syntax", `"rule": "nosql/operator"`, `"rule": "<b>"`, "].rule"},
		{"mistake-of-another-rule", `"mistake": 7`, `"mistake": 6`, "nosql/operator belongs to 7"},
		{"verdict", `"verdict": "open"`, `"verdict": "fine"`, "verdict"},
		{"grade", `"grade": "F"`, `"grade": "E"`, "grade"},
		{"score", `"score": 0`, `"score": 101`, "score"},
		{"fingerprint", `"fingerprint": "`, `"fingerprint": "x`, "fingerprint"},
		{"file-and-answer", `"file": "app.js"`, `"file": "app.js", "url": "http://h/"`, "location"},
		{"number-for-text", `"version": "1.2.3"`, `"version": 1`, "version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if !strings.Contains(good, tt.old) {
				t.Fatalf("the report has no %s", tt.old)
			}
			var bad string
			if i := strings.LastIndex(good, tt.old); tt.name == "something-behind" {
				bad = good[:i] + tt.new
			} else {
				bad = strings.Replace(good, tt.old, tt.new, 1)
			}
			_, err := finding.Decode(strings.NewReader(bad))
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v; want %q in it", err, tt.want)
			}
		})
	}
	t.Run("rule-of-a-newer-version", func(t *testing.T) {
		_, err := finding.Decode(strings.NewReader(strings.Replace(good, "nosql/operator", "nosql/later", 1)))
		if err != nil {
			t.Error(err)
		}
	})
	t.Run("endless", func(t *testing.T) {
		if _, err := finding.Decode(endless{}); err == nil {
			t.Error("no error")
		}
	})
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// FuzzDecode: whatever is read can be written, and read again as the same.
func FuzzDecode(f *testing.F) {
	var b bytes.Buffer
	if err := full().Encode(&b); err != nil {
		f.Fatal(err)
	}
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := finding.Decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		once := encode(t, r)
		if i := strings.IndexFunc(once, func(c rune) bool { return c != '\n' && !unicode.IsPrint(c) || c == '<' }); i >= 0 {
			t.Errorf("%q acts", once[i:])
		}
		r, err = finding.Decode(strings.NewReader(once))
		if err != nil {
			t.Fatal(err)
		}
		if again := encode(t, r); again != once {
			t.Errorf("%s became %s", once, again)
		}
		r.Finish()
	})
}
