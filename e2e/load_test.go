// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"image"
	"image/png"
	"io"
	"math/rand/v2"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/demo/shop"
	"github.com/panoply-security/panoply/demo/shop/vulnerable"
)

const (
	megabyte = 1 << 20
	// maxMemory is what the guard may have in memory at most, whatever comes;
	// maxUploadMemory also while many large uploads arrive at once.
	maxMemory       = 80 * megabyte
	maxUploadMemory = 160 * megabyte
	// maxHugeMemory is for bodies of 10 GB, maxSlowMemory for 500 slow uploads.
	maxHugeMemory = 64 * megabyte
	maxSlowMemory = 128 * megabyte
)

// TestManyRequests sends 10,000 requests for 64 customers at once, and wants
// each answered as the app alone would answer it.
func TestManyRequests(t *testing.T) {
	const requests, customers = 10_000, 64
	needsLinux(t)
	app, _ := startShop(t)
	guard := startGuard(t, app, strict)
	page, products := fetch(t, app+"/"), fetch(t, app+"/api/products?rating[lte]=10")
	login := fmt.Sprintf(`{"email":%q,"password":%q}`, shop.AliceEmail, shop.AlicePassword)
	kilobyte := `{"reason":"` + strings.Repeat("x", 1000) + `"}`

	// order is the nth request, and what must be in its answer.
	order := func(n int64) (method, path, body string, status int, holds string) {
		switch {
		case n%200 == 0: // few, because the database reads them all at each login
			user := fmt.Sprintf(`{"name":"New","email":"new%d@shop.example","password":"long enough","role":"admin"}`, n)
			return "POST", "/api/users", user, 201, `"role":"user"`
		case n%4 == 0:
			return "POST", "/api/logout", kilobyte, 204, ""
		case n%4 == 1:
			return "GET", "/", "", 200, page
		case n%4 == 2:
			return "GET", "/api/products?rating[lte]=10", "", 200, products
		}
		return "POST", "/api/login", login, 200, `"token":"eyJ`
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	var next atomic.Int64
	var faults tally
	var all sync.WaitGroup
	for c := range customers {
		client := guard.customer(t, c)
		all.Go(func() {
			for n := next.Add(1); n <= requests; n = next.Add(1) {
				method, path, body, status, holds := order(n)
				got, answer, err := talk(client, request(ctx, method, guard.url+path, "application/json", strings.NewReader(body), int64(len(body))))
				if err != nil || got != status || !strings.Contains(answer, holds) {
					faults.add(fmt.Sprintf("%s %s: got %d, %v; want %d", method, path, got, err, status), answer)
				}
			}
		})
	}
	all.Wait()
	faults.report(t)
	expectMemory(t, guard, maxMemory)
}

// TestHugeBodies sends bodies of 1 GB to a route that takes files of 5 MB.
func TestHugeBodies(t *testing.T) {
	// buffered is how much more than the limit a client may be rid of: what the
	// buffers of both sockets hold.
	const size, buffered = 10 << 30, 16 * megabyte
	needsLinux(t)
	app, uploads := startShop(t)
	guard := startGuard(t, app, strict)
	form := "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n"
	bodies := []struct {
		name, contentType, head string
		limit                   int64
	}{
		{"json", "application/json", `{"a":"`, 100 << 10},
		{"octet-stream", "application/octet-stream", "\x00", 100 << 10},
		{"multipart", "multipart/form-data; boundary=b", form + "\x89PNG\r\n\x1a\n", 6 * megabyte},
	}
	for c, protocol := range []string{"http2", "http1"} {
		for _, body := range bodies {
			for _, framing := range []string{"content-length", "chunked"} {
				t.Run(protocol+"/"+body.name+"/"+framing, func(t *testing.T) {
					length := int64(size)
					if framing == "chunked" {
						length = -1
					}
					ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
					defer cancel()
					sent := &hugeBody{head: body.head, left: size, closed: make(chan struct{})}
					client := guard.customer(t, c)
					status, answer, err := talk(client, request(ctx, "POST", guard.url+"/api/upload", body.contentType, sent, length))
					if status != http.StatusRequestEntityTooLarge {
						t.Errorf("got %d %.200q, %v; want 413", status, answer, err)
					}
					client.CloseIdleConnections()
					select {
					case <-sent.closed: // nothing takes any more of it
					case <-ctx.Done():
						t.Fatal("the body is still being sent")
					}
					taken := sent.taken.Load()
					t.Logf("%.1f MB of the body were taken", float64(taken)/megabyte)
					if taken > body.limit+buffered {
						t.Errorf("%d bytes were taken; want at most %d and what sockets buffer", taken, body.limit)
					}
				})
			}
		}
	}
	if stored, err := os.ReadDir(uploads); err != nil || len(stored) > 0 {
		t.Errorf("the app stored %v, %v; want nothing", stored, err)
	}
	if status, _, err := talk(guard.client, request(t.Context(), "GET", guard.url+"/", "", nil, 0)); status != http.StatusOK {
		t.Errorf("afterwards: got %d, %v; want 200", status, err)
	}
	expectMemory(t, guard, maxHugeMemory)
}

// TestManyUploads sends 64 pictures of 5 MB, none of which ends before all
// have begun.
func TestManyUploads(t *testing.T) {
	const uploads = 64
	needsLinux(t)
	app, stored := startShop(t)
	guard := startGuard(t, app, strict)
	picture := largePicture(t)
	head, tail, contentType := formAround(t)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	begun := gather(uploads)
	var faults tally
	var all sync.WaitGroup
	want := fmt.Sprintf(`"size":%d`, len(picture))
	for c := range uploads {
		client := guard.customer(t, c)
		all.Go(func() {
			half := len(picture) / 2
			body := io.MultiReader(strings.NewReader(head), bytes.NewReader(picture[:half]),
				&gate{ctx, begun, begun.complete}, bytes.NewReader(picture[half:]), strings.NewReader(tail))
			length := int64(len(head) + len(picture) + len(tail))
			status, answer, err := talk(client, request(ctx, "POST", guard.url+"/api/upload", contentType, body, length))
			if err != nil || status != http.StatusCreated || !strings.Contains(answer, want) {
				faults.add(fmt.Sprintf("got %d, %v; want 201 and %s", status, err, want), answer)
				cancel() // the others would wait for this one
			}
		})
	}
	all.Wait()
	faults.report(t)
	files, err := filepath.Glob(filepath.Join(stored, "*"))
	if err != nil || len(files) != uploads {
		t.Errorf("the app stored %d files, %v; want %d", len(files), err, uploads)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err != nil || !bytes.Equal(content, picture) {
			t.Errorf("%s, %d bytes, %v: not the picture that was sent", filepath.Base(file), len(content), err)
		}
	}
	expectMemory(t, guard, maxUploadMemory)
}

// 500 clients that each send a part of a picture and then take their time: held
// half-way, they leave room for everybody else, and every picture arrives.
func TestManySlowUploads(t *testing.T) {
	const uploads, pages = 500, 300
	needsLinux(t)
	app, stored := startShop(t)
	guard := startGuard(t, app, strict)
	page := fetch(t, app+"/")
	picture := pictureSized(t, 300)
	head, tail, contentType := formAround(t)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	begun, goOn := gather(uploads), make(chan struct{})
	var faults tally
	var all sync.WaitGroup
	want := fmt.Sprintf(`"size":%d`, len(picture))
	for c := range uploads {
		client := guard.customer(t, c%250)
		all.Go(func() {
			half := len(picture) / 2
			body := io.MultiReader(strings.NewReader(head), bytes.NewReader(picture[:half]),
				&gate{ctx, begun, goOn}, bytes.NewReader(picture[half:]), strings.NewReader(tail))
			length := int64(len(head) + len(picture) + len(tail))
			status, answer, err := talk(client, request(ctx, "POST", guard.url+"/api/upload", contentType, body, length))
			if err != nil || status != http.StatusCreated || !strings.Contains(answer, want) {
				faults.add(fmt.Sprintf("got %d, %v; want 201 and %s", status, err, want), answer)
				cancel()
			}
		})
	}
	select {
	case <-begun.complete:
	case <-ctx.Done():
	}
	client := guard.customer(t, 251)
	for range pages { // while all of them are half-way
		status, answer, err := talk(client, request(ctx, "GET", guard.url+"/", "", nil, 0))
		if err != nil || status != http.StatusOK || !strings.Contains(answer, page) {
			faults.add(fmt.Sprintf("GET /: got %d, %v", status, err), answer)
			break
		}
	}
	close(goOn)
	all.Wait()
	faults.report(t)
	files, err := filepath.Glob(filepath.Join(stored, "*"))
	if err != nil || len(files) != uploads {
		t.Errorf("the app stored %d files, %v; want %d", len(files), err, uploads)
	}
	expectMemory(t, guard, maxSlowMemory)
}

// startShop starts the demo's vulnerable app in this process, with a database
// of its own, and returns its URL and the folder where it stores uploads.
func startShop(t *testing.T) (url, uploads string) {
	t.Helper()
	database, err := db.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = database.Close() })
	client, err := db.Connect(t.Context(), database.URI())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	uploads = t.TempDir()
	app, err := vulnerable.New(vulnerable.Options{Database: client.Database("shop"), UploadDir: uploads})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(app)
	t.Cleanup(server.Close)
	return server.URL, uploads
}

// request returns a request; one with length 0 has no body, with -1 a chunked one.
func request(ctx context.Context, method, url, contentType string, body io.Reader, length int64) *http.Request {
	if length == 0 {
		body, contentType = nil, ""
	}
	r, err := http.NewRequestWithContext(ctx, method, url, body)
	if err != nil {
		panic(err) // a mistake in the test
	}
	r.ContentLength = length
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

// talk sends one request and returns the answer, of which 1 MB at most is read.
func talk(client *http.Client, r *http.Request) (status int, answer string, err error) {
	res, err := client.Do(r)
	if err != nil {
		return 0, "", err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, megabyte))
	return res.StatusCode, string(b), err
}

func fetch(t *testing.T, url string) string {
	t.Helper()
	status, answer, err := talk(http.DefaultClient, request(t.Context(), "GET", url, "", nil, 0))
	if err != nil || status != http.StatusOK || answer == "" {
		t.Fatalf("GET %s: got %d, %v", url, status, err)
	}
	return answer
}

// tally collects what went wrong in many requests, each kind once.
type tally struct {
	mu    sync.Mutex
	kinds map[string]int
	first map[string]string
}

func (y *tally) add(kind, answer string) {
	y.mu.Lock()
	defer y.mu.Unlock()
	if y.kinds == nil {
		y.kinds, y.first = map[string]int{}, map[string]string{}
	}
	if y.kinds[kind]++; y.kinds[kind] == 1 {
		y.first[kind] = answer
	}
}

func (y *tally) report(t *testing.T) {
	t.Helper()
	shown := 0
	for kind, n := range y.kinds {
		if shown++; shown > 20 {
			t.Errorf("and %d other kinds", len(y.kinds)-20)
			return
		}
		t.Errorf("%d times: %s: %.300q", n, kind, y.first[kind])
	}
}

// hugeBody is generated while it is sent, and counts what is taken of it.
type hugeBody struct {
	head   string
	left   int64
	taken  atomic.Int64
	once   sync.Once
	closed chan struct{}
}

func (b *hugeBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, io.EOF
	}
	n := copy(p, b.head)
	b.head = b.head[n:]
	for n < len(p) && int64(n) < b.left {
		p[n] = 'a'
		n++
	}
	b.left -= int64(n)
	b.taken.Add(int64(n))
	return n, nil
}

func (b *hugeBody) Close() error {
	b.once.Do(func() { close(b.closed) })
	return nil
}

// gathering is complete when the last of those that are expected arrives.
type gathering struct {
	missing  atomic.Int64
	complete chan struct{}
}

func gather(n int64) *gathering {
	g := &gathering{complete: make(chan struct{})}
	g.missing.Store(n)
	return g
}

func (g *gathering) arrive() {
	if g.missing.Add(-1) == 0 {
		close(g.complete)
	}
}

// gate is a reader of nothing that arrives at a gathering and holds the body up
// until it may go on.
type gate struct {
	ctx context.Context
	at  *gathering
	on  <-chan struct{}
}

func (g *gate) Read([]byte) (int, error) {
	g.at.arrive()
	select {
	case <-g.on:
		return 0, io.EOF
	case <-g.ctx.Done():
		return 0, errors.New("the others did not come")
	}
}

// largePicture is a PNG of a little less than 5 MB: noise, which nothing
// compresses.
func largePicture(t *testing.T) []byte {
	t.Helper()
	b := pictureSized(t, 1320)
	if len(b) > 5*megabyte || len(b) < 5*megabyte-100<<10 {
		t.Fatalf("the picture has %d bytes; want a little less than 5 MB", len(b))
	}
	return b
}

// pictureSized is a PNG of noise with so many pixels a side.
func pictureSized(t *testing.T, side int) []byte {
	t.Helper()
	picture := image.NewNRGBA(image.Rect(0, 0, side, side))
	noise := rand.NewChaCha8([32]byte{})
	_, _ = noise.Read(picture.Pix) // never fails
	for i := 3; i < len(picture.Pix); i += 4 {
		picture.Pix[i] = 0xff // opaque: three bytes per pixel
	}
	var b bytes.Buffer
	if err := (&png.Encoder{CompressionLevel: png.NoCompression}).Encode(&b, picture); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// formAround returns what stands before and after a picture in a form.
func formAround(t *testing.T) (head, tail, contentType string) {
	t.Helper()
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	_, err := w.CreatePart(textproto.MIMEHeader{
		"Content-Disposition": {`form-data; name="file"; filename="large.png"`}, "Content-Type": {"image/png"}})
	if err != nil {
		t.Fatal(err)
	}
	head = b.String()
	b.Reset()
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return head, b.String(), w.FormDataContentType()
}
