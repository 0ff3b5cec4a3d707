// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/validate"
)

// canaryPath is a path that no policy names.
const canaryPath = "/panoply-canary"

// canary is a request that a protection in force must not let through, or an
// answer that it must change. ok tells whether it did.
type canary struct {
	section string
	mode    panoply.Mode
	path    string
	request func(path string) *http.Request
	answer  func(http.ResponseWriter) // of the app
	ok      func(reached bool, answer *http.Response) bool
}

// wearSuit is what the guard itself wears, made anew so that no counter is
// touched.
func wearSuit(p panoply.Policy) (func(http.Handler) http.Handler, error) {
	suit, err := panoply.New(p, panoply.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, err
	}
	return suit.Handler, nil
}

// selfTest plays canaries through suits of the same policy. A protection that
// claims to enforce and lets its canary pass is an error. What would keep a
// canary from the protection that it is for, or makes exceptions on purpose, is
// left out of the suit that it meets.
func selfTest(p panoply.Policy, try wear) error {
	p.Exceptions = nil
	general, routes, limits := p, p, p
	general.RateLimits.Mode, routes.RateLimits.Mode = panoply.Off, panoply.Off
	general.Tokens.Mode, routes.Tokens.Mode, limits.Tokens.Mode = panoply.Off, panoply.Off, panoply.Off
	if ops := p.Bodies.Operations; ops != nil {
		general.Bodies.Operations, limits.Bodies.Operations = nil, nil
		general.Bodies.OpenAPI.File, limits.Bodies.OpenAPI.File = "", ""
		routes.Bodies.Operations = &validate.Operations{Routes: ops.Routes, Below: ops.Below} // without exceptions
	}
	general.Bodies.Routes, general.Uploads.Rules, general.NoSQL.Allow, general.Cookies.Except = nil, nil, nil, nil

	failed, err := play(general, try, canaries(p))
	if err != nil {
		return err
	}
	more, err := play(routes, try, schemaCanaries(p))
	if err != nil {
		return err
	}
	failed = append(failed, more...)
	if more, err = limitsHold(limits, try); err != nil {
		return err
	}
	if failed = append(failed, more...); len(failed) > 0 {
		return fmt.Errorf("the guard does not start, because it would not do what the policy says: %w", errors.Join(failed...))
	}
	return nil
}

// play sends canaries through a suit of the policy.
func play(p panoply.Policy, try wear, all []canary) (failed []error, err error) {
	dress, err := try(p)
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		if c.mode != panoply.Enforce {
			continue
		}
		reached := false
		app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			io.Copy(io.Discard, r.Body)
			reached = true
			if c.answer != nil {
				c.answer(w)
			}
		})
		rec := httptest.NewRecorder()
		dress(app).ServeHTTP(rec, c.request(c.path))
		if !c.ok(reached, rec.Result()) {
			failed = append(failed, fmt.Errorf("%s is set to enforce, and its canary request passed unharmed", c.section))
		}
	}
	return failed, nil
}

// limitsHold makes one attempt more than each limit allows: not all of them may
// reach the app. Limits too high to try in a moment are left out.
func limitsHold(p panoply.Policy, try wear) (failed []error, err error) {
	if p.RateLimits.Mode != panoply.Enforce {
		return nil, nil
	}
	dress, err := try(p)
	if err != nil {
		return nil, err
	}
	reached, status := 0, 0
	app := dress(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reached++
		w.WriteHeader(status)
	}))
	for _, r := range p.RateLimits.Rules {
		status = http.StatusUnauthorized
		if r.Count == "successes" {
			status = http.StatusCreated
		}
		most := r.Limit + r.Burst
		if most > 1000 {
			continue
		}
		holds := func(pattern string) bool {
			path, method := concrete(pattern)
			reached = 0
			for range most + 1 {
				req := post(path, "application/json", `{"email":"canary@canary.invalid"}`)
				if !slices.Contains(r.Key, "account") {
					req = get(path)
				}
				req.Method = method
				app.ServeHTTP(httptest.NewRecorder(), req)
			}
			return reached <= most
		}
		if !slices.ContainsFunc(r.Match, holds) { // the first may be excepted
			failed = append(failed, fmt.Errorf("rate_limits is set to enforce, and rule %q let %d attempts pass", r.Name, most+1))
		}
	}
	return failed, nil
}

func canaries(p panoply.Policy) []canary {
	return []canary{
		{section: "nosql", mode: p.NoSQL.Mode, path: canaryPath, ok: refused,
			request: func(path string) *http.Request { return post(path, "application/json", `{"canary":{"$ne":""}}`) }},
		{section: "nosql", mode: p.NoSQL.Mode, path: canaryPath, ok: refused,
			request: func(path string) *http.Request { return httptest.NewRequest("GET", path+"?canary[$ne]=1", nil) }},
		{section: "bodies", mode: p.Bodies.Mode, path: canaryPath, ok: refused,
			request: func(path string) *http.Request {
				r := post(path, "application/json", `""`)
				r.ContentLength = p.Bodies.MaxBytes + 1
				return r
			}},
		{section: "uploads", mode: p.Uploads.Mode, path: canaryPath, ok: refused, request: executable},
		{section: "headers", mode: p.Headers.Mode, path: canaryPath, request: get,
			answer: func(w http.ResponseWriter) { w.Header().Set("X-Powered-By", "canary") },
			ok: func(_ bool, a *http.Response) bool {
				return (a.Header.Get("X-Powered-By") == "" || p.Headers.XPoweredBy.Off) &&
					(a.Header.Get("X-Content-Type-Options") == "nosniff" || p.Headers.XContentTypeOptions.Off)
			}},
		{section: "errors", mode: p.Errors.Mode, path: canaryPath, request: get,
			answer: func(w http.ResponseWriter) {
				w.WriteHeader(http.StatusInternalServerError)
				io.WriteString(w, "canary: connect ECONNREFUSED 127.0.0.1:5432")
			},
			ok: func(_ bool, a *http.Response) bool {
				body, _ := io.ReadAll(a.Body)
				return p.Errors.NoScrub || !bytes.Contains(body, []byte("canary"))
			}},
		{section: "cookies", mode: p.Cookies.Mode, path: canaryPath, request: get,
			answer: func(w http.ResponseWriter) { w.Header().Set("Set-Cookie", "connect.sid=canary; Path=/") },
			ok: func(_ bool, a *http.Response) bool {
				c := a.Header.Get("Set-Cookie")
				return (strings.Contains(c, "HttpOnly") || p.Cookies.NoHTTPOnly) && (strings.Contains(c, "SameSite") || p.Cookies.SameSite == "off")
			}},
	}
}

// schemaCanaries meet the declarations of routes with a body of a type that none
// can declare, and what is below the operations of an API.
func schemaCanaries(p panoply.Policy) (all []canary) {
	bodies := p.Bodies.Routes
	if ops := p.Bodies.Operations; ops != nil {
		bodies = slices.Concat(bodies, ops.Routes)
		for _, below := range ops.Below {
			all = append(all, canary{section: "bodies (operations below " + below + ")", mode: p.Bodies.Mode, path: below, ok: refused,
				request: func(path string) *http.Request { return httptest.NewRequest("CANARY", path, nil) }})
		}
	}
	for _, r := range bodies {
		if path, method := concrete(r.Match); r.Schema != nil || r.Form != nil || r.Multipart != nil {
			all = append(all, canary{section: "bodies (" + r.Match + ")", mode: p.Bodies.Mode, path: path, ok: refused,
				request: func(path string) *http.Request {
					r := post(path, "application/x-panoply-canary", "canary")
					r.Method = method
					return r
				}})
		}
	}
	return all
}

func refused(reached bool, a *http.Response) bool { return !reached && a.StatusCode >= 400 }

func get(path string) *http.Request { return httptest.NewRequest("GET", path, nil) }

func post(path, contentType, body string) *http.Request {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

// executable is an upload that no list of types and no profile lets pass.
func executable(path string) *http.Request {
	var body bytes.Buffer
	w := multipart.NewWriter(&body)
	part, _ := w.CreateFormFile("file", "canary.exe") // writing to memory does not fail
	part.Write(append([]byte("MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff"), make([]byte, 128)...))
	w.Close()
	return post(path, w.FormDataContentType(), body.String())
}

// concrete makes a path that meets a pattern.
func concrete(pattern string) (path, method string) {
	method, path = http.MethodPost, pattern
	if m, rest, found := strings.Cut(pattern, " "); found {
		method, path = m, strings.TrimLeft(rest, " ")
	}
	parts := strings.Split(path, "/")
	for i, part := range parts {
		if strings.HasPrefix(part, "{") {
			if part == "{$}" {
				parts[i] = ""
			} else {
				parts[i] = "canary"
			}
		}
	}
	return strings.Join(parts, "/"), method
}
