// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"bytes"
	"io"
	"net/http"

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
	undo := p.rewindable(strict)
	reading, err := inspect.ReadBody(p.r, o)
	p.reading, p.x.Reading = reading, reading
	if err != nil {
		if err := p.judge(p.modeOf(err, s.policy.NoSQL.Mode, strict)); err != nil {
			return err
		}
		undo()
		return nil
	}
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
// reported, so that the app can have it all the same.
func (p *pass) rewindable(strict Mode) (undo func()) {
	if strict != Report && p.suit.policy.NoSQL.Mode != Report {
		return func() {}
	}
	var read bytes.Buffer
	body, length, header := p.r.Body, p.r.ContentLength, p.r.Header.Clone()
	p.r.Body = struct {
		io.Reader
		io.Closer
	}{io.TeeReader(body, &read), body}
	return func() {
		p.r.Header = header
		p.r.ContentLength = length
		p.r.Body = struct {
			io.Reader
			io.Closer
		}{io.MultiReader(&read, body), body}
	}
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
	return nil
}

const (
	maxHeaderBytes = 16 << 10
	maxHeaderLines = 100
)

// onceOnly are headers that mean nothing when they are repeated, and that
// parsers then read differently.
var onceOnly = []string{"Authorization", "Content-Encoding", "Origin", "X-Http-Method-Override"}
