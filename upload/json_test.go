// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"io"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// A file that is declared as JSON is shown as what some parsers make of it, whether the
// form is held or streams, and before any of the file is given out.
func TestFilesOfJSON(t *testing.T) {
	large := part{"p", "a.jpg", "image/jpeg", jpegOf(noisy(300, 200), 90)}
	long := `{"a":"` + strings.Repeat("x", 100_000) + `","$ne":1}`
	for _, tt := range []struct {
		name string
		part part
		seen string // "" is not JSON
		want rule.ID
	}{
		{"json", part{"f", "a.json", "application/json", `{"$ne":1}`}, `f={"$ne":1}`, ""},
		{"long", part{"f", "a.json", "application/json", long}, "f=" + long, ""},
		{"too-long", part{"f", "a.json", "application/json", `{"a":"` + strings.Repeat("x", jsonBytes) + `"}`}, "", rule.RequestTooLarge},
		{"other-type", part{"f", "a.json", "application/vnd.api+json", `{"$ne":1}`}, "", rule.UploadMismatch},
		{"text", part{"f", "a.txt", "text/plain", `{"$ne":1}`}, "", ""},
		{"no-type", part{"f", "a.json", "", `{"$ne":1}`}, "", ""},
		{"picture", part{"f", "a.png", "image/png", pngOf(picture(3, 2))}, "", ""},
	} {
		for _, delivery := range []Delivery{Spool, Streamed} {
			t.Run(tt.name+"/"+string(delivery), func(t *testing.T) {
				in := inspector(t, Config{Delivery: delivery, MaxFiles: 2, MaxFileBytes: 10 << 20, Types: []string{"image/jpeg", "image/png", "application/json", "text/plain"}})
				read := func(answer error) (seen, sent string, err error) {
					form, stream, err := in.Forward(request(large, tt.part), ReadOptions{JSON: func(name, value string) error {
						seen += name + "=" + value
						return answer
					}})
					if err != nil || stream == nil {
						form.Close()
						return seen, "", err
					}
					defer stream.Close()
					b, err := io.ReadAll(stream)
					return seen, string(b), err
				}
				seen, _, err := read(nil)
				if got := ruleOf(err); got != tt.want || seen != tt.seen {
					t.Errorf("got %q and %.100q; want %q and %.100q", got, seen, tt.want, tt.seen)
				}
				if tt.seen == "" {
					return
				}
				_, sent, err := read(problem.Refuse(rule.NoSQLOperator, ""))
				if ruleOf(err) != rule.NoSQLOperator || strings.Contains(sent, "$ne") {
					t.Errorf("got %v; and of what was refused went on: %v", err, strings.Contains(sent, "$ne"))
				}
			})
		}
	}
}
