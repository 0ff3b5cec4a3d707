// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/upload"
)

// formPart is what one parser says of a part.
type formPart struct {
	File     bool
	Name     string
	Filename string
	Type     string
	Sum      string
	either   bool // a file to some parsers and a field to others, or none at all
}

func (p formPart) key() string {
	if !p.File {
		return fmt.Sprintf("field %q %s", p.Name, p.Sum)
	}
	name := strings.ReplaceAll(p.Filename, "%22", `"`)
	name = name[strings.LastIndexAny(name, `/\`)+1:]
	typ, _, _ := strings.Cut(strings.ToLower(p.Type), ";")
	return fmt.Sprintf("file %q %q %q %s", strings.ReplaceAll(p.Name, "%22", `"`), name, typ, p.Sum)
}

func (p formPart) bare() string { return fmt.Sprintf("%q %s", p.Name, p.Sum) }

// spelled is a request's bytes, as many as tell what it is.
func spelled(r *Request) string {
	text := quote(r.Raw())
	if len(text) > 4000 {
		text = text[:4000] + "…"
	}
	return text
}

func sum(b []byte) string {
	s := sha256.Sum256(b)
	return hex.EncodeToString(s[:8])
}

// readForm is our own reading, of the form as it came, and the form as it goes
// on: held or streamed.
func readForm(r *Request, in *upload.Inspector) (parts []formPart, out []byte, contentType string, err error) {
	request := func() *http.Request {
		req := httptest.NewRequest("POST", "/", bytes.NewReader(r.Body))
		for _, h := range r.Headers {
			req.Header.Add(h[0], h[1])
		}
		return req
	}
	form, stream, err := in.Forward(request(), upload.ReadOptions{Judge: func(e *problem.Error) error {
		switch e.Rule {
		case rule.UploadName, rule.UploadDangerous, rule.UploadTooLarge:
			return e
		}
		return nil
	}})
	switch {
	case err != nil:
		return nil, nil, "", err
	case stream != nil:
		defer stream.Close()
		contentType = stream.ContentType()
		out, err = io.ReadAll(stream)
	default:
		defer form.Close()
		contentType = form.ContentType()
		out, err = io.ReadAll(form.Body())
	}
	if err != nil {
		return nil, nil, "", err
	}
	boundary, err := inspect.Boundary(r.Headers[0][1])
	if err != nil {
		return nil, nil, "", fmt.Errorf("the boundary was refused behind its reading: %w", err)
	}
	m := inspect.NewMultipart(bytes.NewReader(r.Body), boundary, inspect.MultipartLimits{})
	defer m.Close()
	for {
		p, err := m.Next()
		if err == io.EOF {
			return parts, out, contentType, nil
		}
		if err != nil {
			return nil, nil, "", fmt.Errorf("the form was refused behind its reading: %w", err)
		}
		content, err := io.ReadAll(p)
		if err != nil {
			return nil, nil, "", err
		}
		one := formPart{File: p.File, Name: p.Name, Filename: p.Filename, Type: p.ContentType, Sum: sum(content), either: p.File && p.Filename == ""}
		if one.File && one.Type == "" {
			one.Type = "application/octet-stream"
		}
		parts = append(parts, one)
	}
}

// sees compares what a parser has read with our own reading, and says what
// differs, or "".
func sees(ours, theirs []formPart, nested bool) string {
	left := map[string]int{}
	either := map[string]int{}
	objects := map[string]bool{} // what nested names make, which other tests compare
	for _, p := range ours {
		if outer, _, ok := strings.Cut(p.Name, "["); nested && ok && (!p.File || p.either) {
			objects[outer] = true
		}
	}
	ignored := func(p formPart) bool {
		outer, _, _ := strings.Cut(p.Name, "[")
		return nested && (!p.File || p.either) && objects[outer]
	}
	for _, p := range ours {
		if ignored(p) {
			continue
		}
		if p.either {
			either[p.bare()]++
		} else {
			left[p.key()]++
		}
	}
	for _, p := range theirs {
		switch {
		case ignored(p):
		case left[p.key()] > 0:
			left[p.key()]--
		case either[p.bare()] > 0:
			either[p.bare()]--
		default:
			return "it reads " + p.key()
		}
	}
	for key, n := range left {
		if n > 0 {
			return "it does not read " + key
		}
	}
	return ""
}

// readWithGo is what mime/multipart reads.
func readWithGo(body []byte, contentType string) (parts []formPart, err error) {
	_, boundary, _ := strings.Cut(contentType, "boundary=")
	m := multipart.NewReader(bytes.NewReader(body), boundary)
	for {
		p, err := m.NextRawPart()
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
		parts = append(parts, formPart{File: p.FileName() != "", Name: p.FormName(), Filename: p.FileName(), Type: p.Header.Get("Content-Type"), Sum: sum(content)})
	}
}

// readWithNode asks the oracle.
func readWithNode(ctx context.Context, client *http.Client, oracle string, body []byte, contentType string) (map[string]struct {
	Parts []formPart
	Error string
}, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", "http://"+oracle+"/__forms", bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var answer map[string]struct {
		Parts []formPart
		Error string
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if len(answer) < 8 {
		return nil, fmt.Errorf("the oracle knows of %d parsers", len(answer))
	}
	return answer, nil
}

// What passes is read alike by everybody: the same names, files and bytes as we
// have judged.
func TestNodeReadsTheFormsThatWereJudged(t *testing.T) {
	oracle := startOracle(t)
	var inspectors []*upload.Inspector
	for _, delivery := range []upload.Delivery{upload.Spool, upload.Streamed} {
		in, err := upload.New(upload.Config{MaxFiles: 100, Delivery: delivery})
		if err != nil {
			t.Fatal(err)
		}
		inspectors = append(inspectors, in)
	}
	client := &http.Client{Timeout: patience}
	t.Cleanup(client.CloseIdleConnections)
	until := time.Now().Add(*least)
	var next atomic.Uint64
	var passed, refused, findings atomic.Int64
	enough := func() bool {
		return findings.Load() >= int64(*most) || *made > 0 && int64(next.Load()) >= *made ||
			*made == 0 && passed.Load() >= *reached && !time.Now().Before(until)
	}
	find := func(number uint64, r *Request, why string) {
		findings.Add(1)
		t.Errorf("seed %d, form %d: %s\n%s", *seed, number, why, spelled(r))
	}
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for !enough() {
				number := next.Add(1) - 1
				r := MakeForm(*seed, number)
				ours, out, contentType, err := readForm(r, inspectors[number%2])
				var e *problem.Error
				if errors.As(err, &e) {
					refused.Add(1)
					if r.Ordinary {
						find(number, r, "an ordinary form is refused: "+err.Error())
					}
					continue
				}
				if err != nil {
					find(number, r, err.Error())
					continue
				}
				passed.Add(1)
				if theirs, err := readWithGo(out, contentType); err != nil {
					find(number, r, "mime/multipart reads another form: "+err.Error())
				} else if why := sees(ours, theirs, false); why != "" {
					find(number, r, "mime/multipart reads another form: "+why)
				}
				answer, err := readWithNode(t.Context(), client, oracle, out, contentType)
				if err != nil {
					find(number, r, "the oracle: "+err.Error())
					continue
				}
				for _, name := range slices.Sorted(maps.Keys(answer)) {
					a := answer[name]
					why := sees(ours, a.Parts, strings.HasPrefix(name, "multer"))
					if a.Error != "" {
						why = a.Error
					}
					if why != "" && len(ours) > 0 {
						find(number, r, name+" reads another form: "+why)
						break
					}
				}
			}
		})
	}
	all.Wait()
	t.Logf("seed %d: %d forms, %d passed, %d were refused", *seed, next.Load(), passed.Load(), refused.Load())
}
