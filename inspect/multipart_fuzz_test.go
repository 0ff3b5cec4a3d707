// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect_test

import (
	"bytes"
	"fmt"
	"io"
	"mime/multipart"
	"path/filepath"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/inspect"
)

// goParts reads a form with mime/multipart.
func goParts(body []byte, boundary string) (parts []readPart, err error) {
	r := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := r.NextRawPart()
		if err == io.EOF {
			return parts, nil
		}
		if err != nil {
			return nil, err
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, err
		}
		parts = append(parts, readPart{p.FormName(), p.FileName(), p.Header.Get("Content-Type"), string(content), p.FileName() != ""})
	}
}

// sameAsGo compares our reading with Go's of the rewritten form. Go keeps the
// %22 of browsers and cuts a filename at its last slash.
func sameAsGo(ours, theirs []readPart) error {
	if len(ours) != len(theirs) {
		return fmt.Errorf("%d parts; Go reads %d", len(ours), len(theirs))
	}
	for i, a := range ours {
		b := theirs[i]
		filename := a.filename
		if filename != "" {
			filename = filepath.Base(filename)
		}
		if a.name != b.name || a.content != b.content || filename != strings.ReplaceAll(b.filename, "%22", `"`) {
			return fmt.Errorf("part %v; Go reads %v", a, b)
		}
		if a.filename != "" && (!a.file || !b.file) {
			return fmt.Errorf("part %v is no file for one of us", a)
		}
	}
	return nil
}

func FuzzMultipart(f *testing.F) {
	for _, headers := range []string{
		`Content-Disposition: form-data; name="a"`,
		`Content-Disposition: form-data; name="a"; filename="b.png"` + "\nContent-Type: image/png",
		`Content-Disposition: form-data; name="a"; filename*=utf-8''b%C3%A9.png`,
		`Content-Disposition: form-data; name="a[$ne]"; filename=""` + "\nContent-Type: application/octet-stream",
		`content-disposition: form-data; name=a; filename=x%22` + "\nContent-Type: text/plain; charset=utf-8",
	} {
		f.Add([]byte(onePart(headers, "x\r\n--\r\n-B")), uint8(0))
		f.Add([]byte(strings.TrimSuffix(onePart(headers, "1"), "--\r\n")+"\r\n"+strings.TrimPrefix(onePart(headers, "2"), "--B\r\n")), uint8(3))
	}
	f.Add([]byte("--B--\r\n"), uint8(1))
	f.Fuzz(func(t *testing.T, body []byte, step uint8) {
		var r io.Reader = bytes.NewReader(body)
		if step > 0 {
			r = &chunks{r, int(step)}
		}
		ours, rewritten, err := readMultipart(r, "B", inspect.MultipartLimits{})
		atOnce, _, err2 := readMultipart(bytes.NewReader(body), "B", inspect.MultipartLimits{})
		if (err == nil) != (err2 == nil) || fmt.Sprint(ours) != fmt.Sprint(atOnce) {
			t.Fatalf("in steps of %d: %v, %v; at once: %v, %v", step, ours, err, atOnce, err2)
		}
		if err != nil {
			if ruleOf(err) == "" {
				t.Fatalf("an error without a rule: %v", err)
			}
			return
		}
		theirs, err := goParts(rewritten, "rewritten")
		if err != nil {
			t.Fatalf("Go refuses the rewritten form: %v\n%q", err, rewritten)
		}
		if err := sameAsGo(ours, theirs); err != nil && !bytes.Contains(body, []byte("--rewritten")) {
			t.Fatalf("%v\n%q", err, rewritten)
		}
	})
}

// chunks reads in steps of n bytes.
type chunks struct {
	r io.Reader
	n int
}

func (c *chunks) Read(b []byte) (int, error) { return c.r.Read(b[:min(c.n, len(b))]) }

func TestMultipartAgreesWithGo(t *testing.T) {
	for _, headers := range []string{
		`Content-Disposition: form-data; name="a"`,
		`Content-Disposition: form-data; name=" a b "; filename=" c .png "`,
		`Content-Disposition: form-data; name="a;b"; filename="c;d=e.png"` + "\nContent-Type: image/png; x=y",
		`Content-Disposition: form-data; name="a"; filename="%22x%22%%2222.png"`,
		`Content-Disposition: form-data; name="ä"; filename*=utf-8''%E2%82%AC.png`,
		`Content-Disposition: form-data; name="a"; filename="dir/x.png"`,
	} {
		ours, rewritten, err := readMultipart(strings.NewReader(onePart(headers, "\x00\r\n--x")), "B", inspect.MultipartLimits{})
		if err != nil {
			t.Fatalf("%s: %v", headers, err)
		}
		theirs, err := goParts(rewritten, "rewritten")
		if err == nil {
			err = sameAsGo(ours, theirs)
		}
		if err != nil {
			t.Errorf("%s: %v", headers, err)
		}
	}
}
