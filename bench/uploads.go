// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"image"
	"image/jpeg"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/upload"
)

const uploadBytes = 10 << 20

// uploadForm is a form with a file of about 10 MB: of a type's structure, with
// noise for its pixels.
type uploadForm struct {
	body                  []byte
	contentType, boundary string
}

func newUploadForm(filename, typ string, content []byte) uploadForm {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	w.WriteField("note", "a note")
	out, _ := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {fmt.Sprintf(`form-data; name="file"; filename="%s"`, filename)}, "Content-Type": {typ}})
	out.Write(content)
	w.Close()
	return uploadForm{b.Bytes(), w.FormDataContentType(), w.Boundary()}
}

func (f uploadForm) request() *http.Request {
	return &http.Request{Method: "POST", Header: http.Header{"Content-Type": {f.contentType}}, ContentLength: int64(len(f.body)),
		Body: io.NopCloser(bytes.NewReader(f.body))}
}

func uploadForms() (map[string]uploadForm, error) {
	noise := make([]byte, uploadBytes)
	rand.NewChaCha8([32]byte{1}).Read(noise)
	small := image.NewGray(image.Rect(0, 0, 16, 16))
	var j, p bytes.Buffer
	if err := jpeg.Encode(&j, small, nil); err != nil {
		return nil, err
	}
	if err := png.Encode(&p, small); err != nil {
		return nil, err
	}
	scan := bytes.ReplaceAll(noise, []byte{0xff}, []byte{0xff, 0})
	picture := append(append(bytes.Clone(j.Bytes()[:j.Len()-2]), scan...), 0xff, 0xd9)
	drawing := bytes.Clone(p.Bytes()[:33])
	for at := 0; at < len(noise); at += 64 << 10 {
		chunk := append([]byte("IDAT"), noise[at:min(at+64<<10, len(noise))]...)
		drawing = binary.BigEndian.AppendUint32(drawing, uint32(len(chunk)-4))
		drawing = binary.BigEndian.AppendUint32(append(drawing, chunk...), crc32.ChecksumIEEE(chunk))
	}
	drawing = append(drawing, "\x00\x00\x00\x00IEND\xaeB`\x82"...)
	document := append(append([]byte("%PDF-1.7\n1 0 obj\n<< /Length 10485760 >>\nstream\n"), noise...), "\nendstream\nendobj\ntrailer\n<< >>\nstartxref\n9\n%%EOF\n"...)
	riff := append([]byte("RIFF\x00\x00\x00\x00WEBPVP8X\x0a\x00\x00\x00\x10\x00\x00\x00\x0f\x00\x00\x0f\x00\x00VP8 "), binary.LittleEndian.AppendUint32(nil, uint32(len(noise)))...)
	riff = append(append(riff, "\x00\x00\x00\x9d\x01\x2a\x10\x00\x10\x00"...), noise[10:]...)
	binary.LittleEndian.PutUint32(riff[4:], uint32(len(riff)-8))
	return map[string]uploadForm{
		"jpeg": newUploadForm("a.jpg", "image/jpeg", picture), "png": newUploadForm("a.png", "image/png", drawing),
		"plain": newUploadForm("a.bin", "application/octet-stream", noise), // has no structure to look at
		"webp":  newUploadForm("a.webp", "image/webp", riff), "pdf": newUploadForm("a.pdf", "application/pdf", document),
	}, nil
}

// benchUploads prints what reading a form of 10 MB costs, in this process and end
// to end. The first line of each table is what the others are compared with.
func benchUploads(ctx context.Context, rounds int) error {
	forms, err := uploadForms()
	if err != nil {
		return err
	}
	if err := readUploads(forms, rounds); err != nil {
		return err
	}
	if err := readWithMulter(ctx, forms["jpeg"]); err != nil {
		return err
	}
	return forwardUploads(ctx, forms, rounds)
}

func readUploads(forms map[string]uploadForm, rounds int) error {
	limits := upload.Config{MaxFileBytes: 20 << 20, Delivery: upload.Streamed, UnsafeTypes: []string{"application/octet-stream"}}
	streaming, err := upload.New(limits)
	if err != nil {
		return err
	}
	limits.Delivery = upload.Spool
	holding, err := upload.New(limits)
	if err != nil {
		return err
	}
	f := forms["jpeg"]
	parse := func(memory int64) func(string) error {
		return func(string) error {
			r := f.request()
			if err := r.ParseMultipartForm(memory); err != nil {
				return err
			}
			return r.MultipartForm.RemoveAll()
		}
	}
	readers := []reader{
		{"mime/multipart, to nowhere", func(string) error { return discardWithGo(f) }},
		{"panoply inspect, to nowhere", func(string) error { return discardWithPanoply(f) }},
		{"panoply: boundary, limits, head", func(string) error { return stream(streaming, forms["plain"]) }},
	}
	for _, kind := range []string{"jpeg", "png", "webp", "pdf"} {
		readers = append(readers, reader{"and structure, " + kind, func(string) error { return stream(streaming, forms[kind]) }})
	}
	readers = append(readers,
		reader{"panoply held and judged, jpeg", func(string) error {
			form, err := holding.Read(f.request(), upload.ReadOptions{})
			if err != nil {
				return err
			}
			return form.Close()
		}},
		reader{"ParseMultipartForm, to disk", parse(256 << 10)},
		reader{"ParseMultipartForm, in memory", parse(64 << 20)},
	)
	costs, err := interleave(readers, "", rounds)
	if err != nil {
		return err
	}
	fmt.Printf("%d rounds, interleaved; CPU time of this process per form of 10 MB, medians\n\n", rounds)
	fmt.Printf("%-34s %12s %8s %10s %12s\n", "a form with a file of 10 MB", "per form", "ratio", "allocs", "allocated")
	for i, r := range readers {
		fmt.Printf("%-34s %9.2f ms %8.2f %10d %9.1f KB\n", r.name, micros(costs[i].time)/1000, float64(costs[i].time)/float64(costs[0].time), costs[i].allocs, float64(costs[i].bytes)/1024)
	}
	return nil
}

func discardWithGo(f uploadForm) error {
	m := multipart.NewReader(bytes.NewReader(f.body), f.boundary)
	for {
		p, err := m.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := io.Copy(io.Discard, p); err != nil {
			return err
		}
	}
}

func discardWithPanoply(f uploadForm) error {
	m := inspect.NewMultipart(bytes.NewReader(f.body), f.boundary, inspect.MultipartLimits{MaxBytes: 20 << 20})
	defer m.Close()
	for {
		p, err := m.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if _, err := p.WriteTo(io.Discard); err != nil {
			return err
		}
	}
}

func stream(in *upload.Inspector, f uploadForm) error {
	_, s, err := in.Forward(f.request(), upload.ReadOptions{})
	if err != nil {
		return err
	}
	defer s.Close()
	_, err = s.WriteTo(io.Discard)
	return err
}

// multerScript reads the form on its standard input with multer's disk storage,
// as often as it is told, and prints the CPU time of one reading.
const multerScript = `
const fs = require('fs'), os = require('os'), path = require('path');
const { PassThrough } = require('stream');
const multer = require(process.argv[1]);
const type = process.argv[2], dir = fs.mkdtempSync(path.join(os.tmpdir(), 'multer-'));
const body = fs.readFileSync(0), single = multer({ dest: dir, limits: { fileSize: 20 << 20, files: 1 } }).single('file');
const read = () => new Promise((resolve, reject) => {
  const req = new PassThrough();
  req.headers = { 'content-type': type, 'content-length': String(body.length) };
  single(req, {}, err => { if (err) return reject(err); fs.unlinkSync(req.file.path); resolve(); });
  let at = 0;
  (function more() { while (at < body.length) { const ok = req.write(body.subarray(at, at += 65536)); if (!ok) return req.once('drain', more); } req.end(); })();
});
(async () => {
  for (let i = 0; i < 5; i++) await read();
  const before = process.cpuUsage();
  for (let i = 0; i < 20; i++) await read();
  const used = process.cpuUsage(before);
  console.log((used.user + used.system) / 20 / 1000);
  fs.rmSync(dir, { recursive: true });
})().catch(err => { console.error(String(err)); process.exit(1); });
`

// readWithMulter adds multer in Node, where it is installed.
func readWithMulter(ctx context.Context, f uploadForm) error {
	_, here, _, _ := runtime.Caller(0)
	module := filepath.Join(filepath.Dir(here), "..", "e2e", "apps", "oracle", "node_modules", "multer")
	if _, err := os.Stat(module); err != nil {
		fmt.Println("multer: not installed (make setup)")
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "node", "-e", multerScript, module, f.contentType)
	cmd.Stdin = bytes.NewReader(f.body)
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("multer: %w", err)
	}
	fmt.Printf("%-34s %9s ms\n", "multer, to disk, in Node", strings.TrimSpace(string(out)))
	return nil
}

// forwardUploads sends forms through a bare proxy and through the guard.
func forwardUploads(ctx context.Context, forms map[string]uploadForm, rounds int) error {
	const uploads = 4 // at one time
	app, err := start(ctx, "app", "")
	if err != nil {
		return err
	}
	defer app.stop()
	bare, err := start(ctx, "bare", app.url)
	if err != nil {
		return err
	}
	defer bare.stop()
	guard, err := start(ctx, "guard", app.url)
	if err != nil {
		return err
	}
	defer guard.stop()
	ways := []struct {
		name       string
		p          *process
		path, kind string
	}{
		{"bare proxy", bare, "/stream", "jpeg"},
		{"guard, streamed, no structure", guard, "/stream", "plain"},
		{"guard, streamed, webp", guard, "/stream", "webp"},
		{"guard, streamed, png", guard, "/stream", "png"},
		{"guard, streamed, jpeg", guard, "/stream", "jpeg"},
		{"guard, streamed, pdf", guard, "/stream", "pdf"},
		{"guard, held, jpeg", guard, "/spool", "jpeg"},
	}
	cpu, took := make([][]time.Duration, len(ways)), make([][]time.Duration, len(ways))
	for round := range rounds + 1 {
		for i, way := range ways {
			f := forms[way.kind]
			w := work{"upload", "POST", way.path, string(f.body), f.contentType}
			c, perSecond, err := way.p.measure(ctx, w, uploads)
			if err != nil {
				return err
			}
			if round > 0 {
				cpu[i] = append(cpu[i], c)
				took[i] = append(took[i], time.Duration(float64(time.Second)/perSecond))
			}
		}
	}
	fmt.Printf("\n%-34s %12s %8s %12s %8s\n", "an upload of 10 MB, end to end", "CPU", "ratio", "time", "ratio")
	for i, way := range ways {
		c, d := median(cpu[i]), median(took[i])
		fmt.Printf("%-34s %9.2f ms %8.2f %9.2f ms %8.2f\n", way.name, micros(c)/1000, float64(c)/float64(median(cpu[0])), micros(d)/1000, float64(d)/float64(median(took[0])))
	}
	return nil
}
