// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upload

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// multerCase is one case of multer's own suite, as recorded.
type multerCase struct {
	ID      string
	Options struct {
		Limits       map[string]int64
		Storage      any
		FieldNesting any
	}
	Method  string
	Request struct {
		Headers map[string]string
		Body    string `json:"body_b64"`
	}
	Expect struct {
		OK    bool
		Body  json.RawMessage
		File  *multerFile
		Files json.RawMessage
		Error struct{ Code, Message string }
	}
}

type multerFile struct {
	Fieldname, Originalname, Mimetype, SHA256 string
	Size                                      int64
}

// codeRules is what multer's limits are called here.
var codeRules = map[string]rule.ID{
	"LIMIT_FILE_SIZE":   rule.UploadTooLarge,
	"LIMIT_FIELD_VALUE": rule.UploadTooLarge,
	"LIMIT_FILE_COUNT":  rule.UploadTooMany,
	"LIMIT_FIELD_COUNT": rule.UploadTooMany,
}

// The manual says the same of every code that a case has.
func TestManualNamesMulterCodes(t *testing.T) {
	manual, err := os.ReadFile("../docs/uploads.md")
	if err != nil {
		t.Fatal(err)
	}
	for code, id := range codeRules {
		found := false
		for line := range strings.Lines(string(manual)) {
			found = found || strings.HasPrefix(line, "| `"+code+"`") && strings.Contains(line, "| `"+string(id)+"`")
		}
		if !found {
			t.Errorf("docs/uploads.md does not say that %s is %s", code, id)
		}
	}
	for _, r := range []rule.ID{rule.UploadTooLarge, rule.UploadTooMany, rule.UploadType, rule.UploadMismatch, rule.UploadDangerous, rule.UploadPolyglot,
		rule.UploadPixels, rule.UploadName, rule.UploadArchive, rule.UploadPDFScript, rule.UploadTrailing, rule.UploadVirus, rule.UploadUnscanned, rule.UploadQuota} {
		if row := fmt.Sprintf("| `%s` | %d |", r, rule.Lookup(r).Status); !strings.Contains(string(manual), row) {
			t.Errorf("docs/uploads.md lacks %s", row)
		}
	}
}

// otherwise are the cases in which we differ from multer on purpose.
var otherwise = map[string]string{
	"mu-001": "a filename in ISO-8859-1 is refused: only UTF-8 has one reading",
	"mu-004": "a filename in ISO-8859-1 is refused: only UTF-8 has one reading",
	"mu-010": "which field a file may come in is for the app, not for this package",
	"mu-011": "the directory of the app is missing, which only the app sees",
	"mu-012": "which field a file may come in is for the app, not for this package",
	"mu-013": "parts are bounded by files and fields",
	"mu-017": "names are bounded at 1024 bytes, not per route",
	"mu-032": "which field a file may come in is for the app, not for this package",
	"mu-041": "no multipart body",
	"mu-042": "no multipart body",
	"mu-076": "filename and a different filename* are refused: parsers believe one or the other",
}

func TestMulterVectors(t *testing.T) {
	data, err := os.ReadFile("../../shared/vectors/multer.json")
	if err != nil {
		t.Skipf("SKIPPED: multer's vectors are not here: %v", err)
	}
	var suite struct{ Cases []multerCase }
	if err := json.Unmarshal(data, &suite); err != nil {
		t.Fatal(err)
	}
	if len(suite.Cases) < 71 {
		t.Fatalf("%d cases; want 71", len(suite.Cases))
	}
	same, differ := 0, 0
	for _, c := range suite.Cases {
		t.Run(c.ID, func(t *testing.T) {
			err := c.run(t)
			switch why := otherwise[c.ID]; {
			case err != nil && why == "":
				t.Error(err)
			case err == nil && why != "":
				t.Errorf("agrees with multer, though it should not: %s", why)
			case err != nil:
				differ++
			default:
				same++
			}
		})
	}
	t.Logf("%d cases as multer, %d otherwise on purpose", same, differ)
}

// run compares one case; types are only reported, as multer knows none.
func (c *multerCase) run(t *testing.T) error {
	limit := func(name string, otherwise int64) int64 {
		if n, ok := c.Options.Limits[name]; ok {
			return n
		}
		return otherwise
	}
	in := inspector(t, Config{
		MaxFileBytes: limit("fileSize", 1<<20), MaxFiles: int(limit("files", 100)),
		MaxFieldBytes: limit("fieldSize", 1<<20), MaxFields: int(limit("fields", 100)), MaxBytes: 16 << 20,
	})
	body, err := base64.StdEncoding.DecodeString(c.Request.Body)
	if err != nil {
		return err
	}
	r := httptest.NewRequest("POST", "/", bytes.NewReader(body))
	for name, value := range c.Request.Headers {
		r.Header.Set(name, value)
	}
	form, err := in.Read(r, ReadOptions{Judge: func(e *problem.Error) error {
		if e.Rule == rule.UploadType || e.Rule == rule.UploadMismatch {
			return nil
		}
		return e
	}})
	if err != nil {
		if c.Expect.OK {
			return fmt.Errorf("got %w; multer takes it", err)
		}
		// Of the cases that multer refuses for other reasons most were recorded
		// as it broke off, and so end early.
		want, known := codeRules[c.Expect.Error.Code]
		if got := ruleOf(err); known && got != want || !known && !strings.HasPrefix(string(got), string(rule.RequestMultipart)) {
			return fmt.Errorf("got %s; multer says %s %q", got, c.Expect.Error.Code, c.Expect.Error.Message)
		}
		return nil
	}
	defer form.Close()
	if !c.Expect.OK {
		return fmt.Errorf("passes; multer says %s %q", c.Expect.Error.Code, c.Expect.Error.Message)
	}
	return c.compare(form)
}

func (c *multerCase) compare(form *Form) error {
	var want []multerFile
	if c.Expect.File != nil {
		want = append(want, *c.Expect.File)
	}
	if files := c.Expect.Files; len(files) > 0 && files[0] == '[' {
		json.Unmarshal(files, &want)
	} else if len(files) > 0 && files[0] == '{' {
		byField := map[string][]multerFile{}
		json.Unmarshal(files, &byField)
		for _, files := range byField {
			want = append(want, files...)
		}
	}
	for _, w := range want {
		found := slices.ContainsFunc(form.Files, func(f *File) bool {
			content, _ := io.ReadAll(f.Open())
			sum := sha256.Sum256(content)
			return f.Field == w.Fieldname && f.Name == w.Originalname && f.Declared == w.Mimetype && f.Size == w.Size &&
				(w.SHA256 == "" || w.SHA256 == hex.EncodeToString(sum[:]))
		})
		if !found {
			return fmt.Errorf("no file %+v", w)
		}
	}
	if c.ID != "mu-052" && len(form.Files) != len(want) { // a fileFilter drops one there
		return fmt.Errorf("%d files; multer has %d", len(form.Files), len(want))
	}
	return c.compareFields(form)
}

// compareFields compares plain names in full and bracketed ones by their
// values: how those nest is for package inspect.
func (c *multerCase) compareFields(form *Form) error {
	var body any
	json.Unmarshal(c.Expect.Body, &body)
	want := leaves(body, nil)
	var got []string
	for _, f := range form.Fields {
		value, err := f.Value()
		if err != nil {
			return err
		}
		got = append(got, value)
		if plain, ok := body.(map[string]any)[f.Name].(string); ok && !strings.Contains(f.Name, "[") && plain != value {
			return fmt.Errorf("field %q is %q; multer has %q", f.Name, value, plain)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		return fmt.Errorf("values %q; multer has %q", got, want)
	}
	return nil
}

func leaves(v any, to []string) []string {
	switch v := v.(type) {
	case string:
		return append(to, v)
	case []any:
		for _, e := range v {
			to = leaves(e, to)
		}
	case map[string]any:
		for _, e := range v {
			to = leaves(e, to)
		}
	}
	return to
}
