// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"bytes"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/upload"
)

// body reads the request's body for the NoSQL guard, the schemas, the upload
// rules and the limits that are keyed by a field.
func (p *pass) body(visit inspect.Visitor, strict Mode) error {
	s := p.suit
	if s.policy.Bodies.Mode == Off && s.policy.NoSQL.Mode == Off && s.policy.Uploads.Mode == Off {
		return nil
	}
	plan := s.bodies.For(p.met.by[ownBodies])
	o := inspect.Options{MaxBytes: plan.MaxBytes, Visitor: visit, Budget: s.budget,
		// A Go app reads the values of the same reading; an app behind a guard
		// reads bytes.
		Tree: s.policy.Upstream == "" || plan.Schema()}
	if p.limitsByField() {
		p.fields = map[string]string{}
		o.Scalar = func(name, value string) { p.fields[name] = value }
	}
	start := p.rewindable(strict)
	reading, err := inspect.ReadBody(p.r, o)
	p.reading, p.x.Reading = reading, reading
	if err != nil {
		if err := p.judge(p.modeOf(err, s.policy.NoSQL.Mode, strict)); err != nil {
			return err
		}
		start.rewind(p.r)
		return nil
	}
	if strict == Report && reading.Media.Form == inspect.Opaque && reading.Data == nil {
		start.rewind(p.r) // it streams, and nothing may cut it off
		return nil
	}
	start.forget()
	if reading.Media.Form == inspect.Multipart {
		if err := p.upload(visit); err != nil {
			return err
		}
	}
	if err := p.checkSchema(reading); err != nil {
		return err
	}
	return p.swapBack(reading)
}

// swapBack puts the app's own tokens back into a body that carries re-issued
// ones, as a refresh does.
func (p *pass) swapBack(reading *inspect.Reading) error {
	if p.reissue == nil || len(reading.Data) == 0 {
		return nil
	}
	data, err := p.reissue.reissuer.InBody(reading.Data)
	if err != nil {
		return p.judge(p.suit.policy.Tokens.Mode, err)
	}
	if !bytes.Equal(data, reading.Data) {
		inspect.Replace(p.r, data)
		reading.Data = data
	}
	return nil
}

// rewindable keeps what is read of the body where a refusal may only be
// reported, so that the app can have it all the same; elsewhere it is nil.
func (p *pass) rewindable(strict Mode) *beginning {
	if strict != Report && p.suit.policy.NoSQL.Mode != Report {
		return nil
	}
	b := &beginning{ReadCloser: p.r.Body, length: p.r.ContentLength, header: p.r.Header.Clone()}
	p.r.Body = b
	return b
}

// beginning is a body, and what was read of it so far.
type beginning struct {
	io.ReadCloser
	read   bytes.Buffer
	over   bool
	length int64
	header http.Header
}

func (b *beginning) Read(to []byte) (int, error) {
	n, err := b.ReadCloser.Read(to)
	if !b.over {
		b.read.Write(to[:n])
	}
	return n, err
}

// forget keeps no more, once the body is judged: it may be long.
func (b *beginning) forget() {
	if b != nil {
		b.over, b.read = true, bytes.Buffer{}
	}
}

// rewind gives the request its body back, as it came.
func (b *beginning) rewind(r *http.Request) {
	if b == nil {
		return
	}
	b.over = true
	r.Header, r.ContentLength = b.header, b.length
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(&b.read, b.ReadCloser), b.ReadCloser}
}

func (p *pass) limitsByField() bool {
	if p.suit.policy.RateLimits.Mode == Off {
		return false
	}
	var room [8]int
	for _, number := range p.suit.limiter.Applies(p.met.by[ownLimiter], room[:0]) {
		if p.suit.limiter.NeedsBody(number) {
			return true
		}
	}
	return false
}

// checkSchema holds the body against the schemas of its routes.
func (p *pass) checkSchema(reading *inspect.Reading) error {
	mode := p.suit.policy.Bodies.Mode
	met := p.met.by[ownBodies]
	if mode == Off || len(met) == 0 {
		return nil
	}
	if reading == nil {
		reading = new(inspect.Reading)
	}
	if mode == Report {
		return p.judge(mode, p.suit.bodies.For(met).Dry().Check(p.r, reading))
	}
	return p.suit.bodies.For(met).Check(p.r, reading)
}

// upload reads a multipart body part by part, judges it whole, and puts what it
// read, written anew, in the body's place.
func (p *pass) upload(visit inspect.Visitor) error {
	s := p.suit
	mode := s.policy.Uploads.Mode
	if mode == Off {
		return nil
	}
	inspector, named := s.fallback, false
	if met := p.met.by[ownUpload]; len(met) > 0 {
		inspector, named = s.uploads[met[0]], true
	}
	form, err := inspector.Read(p.r, upload.ReadOptions{
		Field: func(name, value string) error {
			if p.fields != nil {
				p.fields[name] = value
			}
			return inspect.FieldName(name, visit)
		},
		Judge: func(e *problem.Error) error {
			return p.judge(p.uploadMode(e.Rule, mode, named), e)
		},
	})
	p.form = form
	if err != nil {
		return err
	}
	form.Replace(p.r)
	if s.policy.Upstream == "" {
		p.r = p.r.WithContext(upload.With(p.r.Context(), form))
	}
	return nil
}

// uploadMode is the mode for one rule: where nobody has said what a route
// takes, the compatible profile only reports what may be ordinary use.
func (p *pass) uploadMode(id rule.ID, mode Mode, named bool) Mode {
	if mode == Enforce && p.suit.policy.Profile == Compatible && !named {
		switch id {
		case rule.UploadType, rule.UploadMismatch, rule.UploadTooMany:
			return Report
		}
	}
	return mode
}

// checkHead refuses methods that are never served and heads that parsers read
// differently.
func checkHead(r *http.Request) error {
	switch r.Method {
	case http.MethodConnect, http.MethodTrace, "TRACK":
		return problem.Refuse(rule.RequestMethod, "")
	}
	size, lines := 0, 0
	for name, values := range r.Header {
		lines += len(values)
		for _, v := range values {
			size += len(name) + len(v) + 4
		}
	}
	if size > maxHeaderBytes || lines > maxHeaderLines {
		return problem.Refuse(rule.RequestHeadersLarge, "")
	}
	for _, name := range onceOnly {
		if len(r.Header[name]) > 1 {
			return problem.Refuse(rule.RequestHeader, name+" is given more than once.")
		}
	}
	return checkConnection(r.Header)
}

// checkConnection refuses a Connection header that names a header for the app: a
// proxy has to drop what it names, after it was inspected.
func checkConnection(h http.Header) error {
	for _, line := range h["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			name := http.CanonicalHeaderKey(strings.Trim(option, " \t"))
			if !slices.Contains(hopByHop, name) && len(h[name]) > 0 {
				return problem.Refuse(rule.RequestHeader, "Connection names a header that is not about the connection.")
			}
		}
	}
	return nil
}

// hopByHop are the headers that may be about a connection.
var hopByHop = []string{"Close", "Http2-Settings", "Keep-Alive", "Proxy-Connection", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

const (
	maxHeaderBytes = 16 << 10
	maxHeaderLines = 100
)

// onceOnly are headers that mean nothing when they are repeated, and that
// parsers then read differently.
var onceOnly = []string{"Authorization", "Content-Encoding", "Origin", "X-Http-Method-Override"}
