// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package journey walks through a shop the way its honest customers do: more
// than a hundred requests that are ordinary on the web, among them many that
// look like trouble to a careless filter (O'Brien, pa$$w0rd&1,
// ?rating[lte]=10, "$5", a body on GET, a stream that never ends). Walking once
// directly and once through a guard, and comparing, shows what a guard breaks.
//
// It does not attack, and it fails no more than three logins, so that a
// limiter of five failures is not met. The whole walk is sequential, and each
// step is bounded by 20 seconds and by 8 MiB of answer.
package journey

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	stepTimeout = 20 * time.Second
	maxAnswer   = 8 << 20
)

// Exchange is one step of the journey and what came back.
type Exchange struct {
	Name   string // of the step, unique within a journey
	Method string
	Path   string // without the parts that differ from run to run
	Want   int    // the status that the unguarded app answers

	Status      int // 0 when there was no answer
	ContentType string
	Header      map[string]string // those of the answer's headers that a client acts on
	Body        []byte            // as sent, still in its content coding
}

// Run walks the journey against the shop at baseURL, such as
// http://127.0.0.1:3000. The client brings its transport (TLS settings); its
// cookie jar is replaced by a new one, and it follows no redirects. A nil
// client is the default one.
//
// Run always makes every step. The error tells of steps that got no complete
// answer; an answer that is not the wanted one is not an error: compare it.
func Run(ctx context.Context, baseURL string, client *http.Client) ([]Exchange, error) {
	w, err := newWalk(baseURL, client)
	if err != nil {
		return nil, err
	}
	var all []Exchange
	var failed []error
	for _, s := range steps() {
		e, err := w.take(ctx, s)
		if err != nil {
			failed = append(failed, fmt.Errorf("step %s: %w", s.name, err))
		}
		all = append(all, e)
	}
	return all, errors.Join(failed...)
}

// step is one request and what the later ones need from its answer.
type step struct {
	name   string
	method string // GET when empty
	path   string // {name} stands for what an earlier step kept
	header header // likewise; {origin} is the shop's own
	body   []byte
	want   int // 200 when 0

	unsized    bool              // send the body without its length
	keepBody   map[string]string // name to the regular expression whose group is kept
	keepHeader map[string]string // name to the header that is kept

	// talk makes the exchange when it is more than a request and an answer.
	talk func(context.Context, *walk, *http.Request, *Exchange) error
}

type header map[string]string

// walk is the state of one journey.
type walk struct {
	base   string
	client *http.Client
	kept   map[string]string
}

func newWalk(baseURL string, client *http.Client) (*walk, error) {
	u, err := url.Parse(baseURL)
	if err != nil {
		return nil, fmt.Errorf("journey: %w", err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, fmt.Errorf("journey: %w", err)
	}
	own := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}
	if client != nil {
		own.Transport = client.Transport
	}
	base := strings.TrimSuffix(baseURL, "/")
	return &walk{base: base, client: own, kept: map[string]string{"origin": u.Scheme + "://" + u.Host}}, nil
}

// take makes one step. The exchange is returned in any case.
func (w *walk) take(ctx context.Context, s step) (Exchange, error) {
	ctx, cancel := context.WithTimeout(ctx, stepTimeout)
	defer cancel()
	e := Exchange{Name: s.name, Method: s.method, Path: s.path, Want: s.want}
	if e.Method == "" {
		e.Method = http.MethodGet
	}
	if e.Want == 0 {
		e.Want = http.StatusOK
	}
	req, err := w.request(ctx, s, e.Method)
	if err != nil {
		return e, err
	}
	if s.talk != nil {
		return e, s.talk(ctx, w, req, &e)
	}
	res, err := w.client.Do(req)
	if err != nil {
		return e, err
	}
	defer res.Body.Close()
	e.answered(res)
	e.Body, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	w.keep(s, res.Header, e.Body)
	return e, err
}

func (w *walk) request(ctx context.Context, s step, method string) (*http.Request, error) {
	var body io.Reader
	switch {
	case s.unsized:
		body = io.MultiReader(bytes.NewReader(s.body)) // hides the length
	case s.body != nil:
		body = bytes.NewReader(s.body)
	}
	req, err := http.NewRequestWithContext(ctx, method, w.base+w.fill(s.path), body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "shop-journey")
	req.Header.Set("Accept-Encoding", "identity") // or the client would decode silently
	for name, value := range s.header {
		req.Header.Set(name, w.fill(value))
	}
	return req, nil
}

// fill puts what earlier steps kept in the place of its {name}. A step before
// that failed leaves the name as it is: the comparison then shows both steps.
func (w *walk) fill(s string) string {
	for name, value := range w.kept {
		s = strings.ReplaceAll(s, "{"+name+"}", value)
	}
	return s
}

func (w *walk) keep(s step, h http.Header, body []byte) {
	for name, pattern := range s.keepBody {
		if m := regexp.MustCompile(pattern).FindSubmatch(body); m != nil {
			w.kept[name] = string(m[1])
		}
	}
	for name, field := range s.keepHeader {
		if v := h.Get(field); v != "" {
			w.kept[name] = v
		}
	}
}

// acted are the headers that a client acts on, and that a guard therefore
// must pass on as they are. The security headers are not among them: those
// are what a guard changes.
var acted = []string{
	"Accept-Ranges", "Access-Control-Allow-Credentials", "Access-Control-Allow-Headers",
	"Access-Control-Allow-Methods", "Access-Control-Allow-Origin", "Content-Disposition",
	"Content-Encoding", "Content-Range", "ETag", "Last-Modified", "Location",
}

// answered takes over the answer's status and headers.
func (e *Exchange) answered(res *http.Response) {
	e.Status = res.StatusCode
	e.ContentType = res.Header.Get("Content-Type")
	e.Header = map[string]string{}
	for _, name := range acted {
		if values := res.Header.Values(name); len(values) > 0 {
			e.Header[name] = strings.Join(values, "\n")
		}
	}
	if e.Method == http.MethodHead {
		e.Header["Content-Length"] = res.Header.Get("Content-Length")
	}
	// A guard hardens a cookie's attributes; its name and value are the app's.
	var cookies []string
	for _, line := range res.Header.Values("Set-Cookie") {
		pair, _, _ := strings.Cut(line, ";")
		if strings.HasPrefix(strings.TrimPrefix(pair, "__Secure-"), "panoply_device=") {
			continue // the guard's own, of a login that succeeded
		}
		cookies = append(cookies, pair)
	}
	if cookies != nil {
		slices.Sort(cookies)
		e.Header["Set-Cookie"] = strings.Join(cookies, "\n")
	}
}
