// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"testing"
)

// TestGraderIsAlgorithmSix holds the Observatory as it is run here, the version
// on npm with what algorithm 6 changed, against answers and grades recorded of
// 1.6.3.
func TestGraderIsAlgorithmSix(t *testing.T) {
	data, err := os.ReadFile("../../shared/vectors/observatory.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct {
		Recorded []struct {
			ID    string
			Input struct {
				Headers map[string]headerValues
				Cookies []string
				HTML    string
				Status  int
				Type    string `json:"contentType"`
				CORS    *struct {
					Origin      *string `json:"acao"`
					Reflect     bool
					Credentials bool `json:"acac"`
				}
			}
			Error   string // when it refuses to grade the status
			Score   int
			Grade   string
			Results map[string]struct {
				Result   string
				Modifier int
				Pass     bool
			}
		}
	}
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var answers []recorded
	for _, c := range file.Recorded {
		answer := recorded{status: c.Input.Status, body: c.Input.HTML, header: http.Header{"Content-Type": {c.Input.Type}, "Set-Cookie": c.Input.Cookies}}
		for name, values := range c.Input.Headers {
			answer.header[http.CanonicalHeaderKey(name)] = values
		}
		if cors := c.Input.CORS; cors != nil {
			answer.preflight = func(origin string) http.Header {
				header := http.Header{"Access-Control-Allow-Credentials": {"true"}}
				if !cors.Reflect {
					origin = *cors.Origin
				}
				header.Set("Access-Control-Allow-Origin", origin)
				return header
			}
		}
		answers = append(answers, answer)
	}
	// The older version makes less of two policies in two headers.
	known := map[string]string{"h0264": "content-security-policy"}
	compared := 0
	for i, got := range grade(t, replay(t, answers)...) {
		want := file.Recorded[i]
		if want.Error != "" {
			continue // it is graded here nevertheless
		}
		compared++
		if got.Score != want.Score || got.Grade != want.Grade {
			t.Errorf("%s: %d %s; want %d %s", want.ID, got.Score, got.Grade, want.Score, want.Grade)
		}
		if len(got.Tests) != len(want.Results) {
			t.Errorf("%s: %d tests; want %d", want.ID, len(got.Tests), len(want.Results))
		}
		for name, result := range want.Results {
			if got.Tests[name] != result && known[want.ID] != name {
				t.Errorf("%s: %s: %+v; want %+v", want.ID, name, got.Tests[name], result)
			}
		}
	}
	if compared < 182 {
		t.Errorf("only %d answers were compared", compared)
	}
}

// headerValues are one value or several.
type headerValues []string

func (v *headerValues) UnmarshalJSON(b []byte) error {
	var one string
	if json.Unmarshal(b, &one) == nil {
		*v = headerValues{one}
		return nil
	}
	return json.Unmarshal(b, (*[]string)(v))
}
