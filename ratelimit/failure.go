// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/logins"
	"github.com/panoply-security/panoply/route"
)

// Failure is what of an answer makes an attempt a failure. An answer that meets
// any part is one. The zero value is a status of 400 and above and, for a rule
// that counts failures, a redirect back to the login.
type Failure struct {
	// Status are statuses, such as 401, classes, such as 4xx, or ranges, such as
	// 400-499. With Redirect alone it is 4xx and 5xx all the same.
	Status []string `yaml:"status"`
	// Redirect are paths: an answer that sends the client there failed, such as
	// /login, or with a star at the end all that begin so. Query and host of the
	// Location do not matter; /login is also met with /login?error=1.
	//
	// Without it, and without Status, an answer to anything but GET and HEAD failed
	// that sends the client back to the path that it asked for, or to one whose last
	// segment is login, log-in, signin, sign-in or sign_in (/auth/login?error=1,
	// /login.html; not /login/otp, which asks for the second factor). For an app
	// that redirects so after a right password, write `status: [4xx, 5xx]`.
	Redirect []string `yaml:"redirect"`
	// JSON are top-level fields of a JSON answer and what they hold in a failure,
	// such as `success=false` or `status=error`. Up to 16 KiB of the answer are
	// held back until it is known; one that is longer before the field came, or
	// that cannot be read, is a failure. The app is asked for such an answer without
	// a content coding.
	JSON []string `yaml:"json"`
}

// failed is a compiled Failure.
type failed struct {
	status   [600]bool
	redirect []string
	json     map[string][]string // what the fields hold in a failure
	back     bool                // so does a redirect back to the login
}

// Peek is how much of an answer is read for [Failure].JSON.
const Peek = 16 << 10

const maxFailures = 16

func (f Failure) compile(faults *fault.List) failed {
	var c failed
	if max(len(f.Status), len(f.Redirect), len(f.JSON)) > maxFailures {
		faults.Addf("failure", "write ranges, and stars", "more than %d statuses, paths or fields", maxFailures)
	}
	status := f.Status
	if len(status) == 0 {
		status = []string{"4xx", "5xx"}
	}
	for i, text := range status {
		low, high, ok := statusRange(text)
		if !ok {
			faults.Addf(fmt.Sprintf("failure.status[%d]", i), "401, 4xx or 400-499", "%.40q is not a status", text)
			continue
		}
		for s := low; s <= high; s++ {
			c.status[s] = true
		}
	}
	for i, path := range f.Redirect {
		if !strings.HasPrefix(path, "/") || strings.ContainsAny(path, "?# ") || strings.Contains(strings.TrimSuffix(path, "*"), "*") {
			faults.Addf(fmt.Sprintf("failure.redirect[%d]", i), "/login, or /login* for all that begin so", "%.80q is not a path", path)
			continue
		}
		c.redirect = append(c.redirect, strings.ToLower(path))
	}
	for i, text := range f.JSON {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			faults.Addf(fmt.Sprintf("failure.json[%d]", i), "success=false", "%.80q is no field and value", text)
			continue
		}
		if c.json == nil {
			c.json = map[string][]string{}
		}
		c.json[name] = append(c.json[name], value)
	}
	return c
}

func statusRange(text string) (low, high int, ok bool) {
	if class, found := strings.CutSuffix(text, "xx"); found {
		n, err := strconv.Atoi(class)
		return n * 100, n*100 + 99, err == nil && n >= 1 && n <= 5
	}
	from, to, ranged := strings.Cut(text, "-")
	if !ranged {
		to = from
	}
	low, err := strconv.Atoi(from)
	high, err2 := strconv.Atoi(to)
	return low, high, err == nil && err2 == nil && 100 <= low && low <= high && high <= 599
}

// by reports whether an answer is a failure: one to a request for path, "" where
// nothing led back to it. A Location that cannot be read is one where redirects
// matter.
func (f *failed) by(status int, h http.Header, path string) bool {
	if status < 100 || status >= len(f.status) || f.status[status] {
		return true
	}
	back := f.back && path != ""
	if status/100 != 3 || len(f.redirect) == 0 && !back || h.Get("Location") == "" {
		return false
	}
	location := h.Get("Location")
	if i := strings.IndexAny(location, "?#"); i >= 0 {
		location = location[:i] // a client may have chosen what is there
	}
	asked := &url.URL{Path: cmp.Or(path, "/")}
	u, err := asked.Parse(location)
	if err != nil {
		return true
	}
	target := strings.ToLower("/" + strings.TrimLeft(u.Path, "/"))
	for _, p := range f.redirect {
		if prefix, star := strings.CutSuffix(p, "*"); star && strings.HasPrefix(target, prefix) || !star && strings.TrimSuffix(target, "/") == strings.TrimSuffix(p, "/") {
			return true
		}
	}
	return back && leadsBack(asked, &url.URL{Path: target})
}

// leadsBack reports whether a redirect goes to the path that was asked for, or to
// a login.
func leadsBack(asked, target *url.URL) bool {
	to, err := route.KeyOf(target)
	if err != nil {
		return true
	}
	if from, err := route.KeyOf(asked); err == nil && from.Path() == to.Path() {
		return true
	}
	last := to.Path()[strings.LastIndexByte(to.Path(), '/')+1:]
	if i := strings.IndexAny(last, ".;"); i >= 0 {
		last = last[:i] // login.html, login;jsessionid=
	}
	return slices.Contains(logins.Words, last)
}

// inBody reports whether only the body can tell whether an answer is a failure.
func (f *failed) inBody(status int, h http.Header, path string) bool {
	kind := strings.ToLower(h.Get("Content-Type"))
	return f.json != nil && strings.Contains(kind, "json") && !f.by(status, h, path)
}

// byBody reports whether the body of an answer makes it a failure.
func (f *failed) byBody(body []byte) bool {
	d := jsontext.NewDecoder(bytes.NewReader(body))
	ends := func() bool { _, err := d.ReadToken(); return err == io.EOF }
	if d.PeekKind() != '{' {
		return d.SkipValue() != nil || !ends()
	}
	d.ReadToken()
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			return true
		}
		values := f.json[name.String()]
		if kind := d.PeekKind(); values == nil || kind == '{' || kind == '[' {
			if d.SkipValue() != nil {
				return true
			}
			continue
		}
		value, err := d.ReadToken()
		if err != nil || slices.Contains(values, value.String()) {
			return true
		}
	}
	_, err := d.ReadToken() // the closing brace, or it broke off
	return err != nil || !ends()
}
