// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"bytes"
	"net/http"
	"time"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/upload"
)

// body reads the request's body for the NoSQL guard, the schemas, the upload
// rules, re-issued tokens and the limits that are keyed by a field.
func (p *pass) body(visit inspect.Visitor) error {
	s := p.suit
	unread := p.modes.bodies == Off && p.modes.nosql == Off && p.modes.uploads == Off && p.crossing == nil && p.named == nil
	if unread && (p.suit.modes.head == Off || !p.overridable()) {
		return nil
	}
	plan := p.plan()
	declared := plan.Schema() && p.modes.bodies != Off
	o := inspect.Options{MaxBytes: plan.MaxBytes, Visitor: visit, Texts: listener{p}, Budget: s.budget,
		// A Go app reads the values of the same reading; an app behind a guard
		// reads bytes.
		Tree: !s.policy.proxies() || declared, Pairs: declared}
	if p.names != nil {
		o.Rewrite = p.names.Rewrite()
	}
	modes := p.bodyModes(declared)
	if unread { // but for another method in it
		modes = bodyModes{Off, Off}
	}
	if modes.reading != Enforce || modes.size != Enforce {
		p.start = remember(p.r)
	}
	reading, err := inspect.ReadBody(p.r, o)
	p.reading, p.x.Reading = reading, reading
	if err != nil {
		if err := p.judge(modes.of(err), err); err != nil {
			return err
		}
	}
	// What was read before an error counts: the app may read on.
	if err := p.judge(p.suit.modes.head, p.override); err != nil {
		return err
	}
	if err != nil {
		p.start.rewind(p.r)
		return nil
	}
	if modes.size != Enforce && reading.Media.Form == inspect.Opaque && reading.Data == nil {
		p.start.rewind(p.r) // it streams, and nothing may cut it off
		return nil
	}
	form := reading.Media.Form == inspect.Multipart
	if form { // its reader is that of the uploads
		modes.reading = strictest(modes.reading, p.modes.uploads)
		modes.size = modes.reading
	}
	if modes.reading == Enforce {
		p.start.forget()
	}
	if form {
		if err := p.upload(visit, modes, declared); err != nil || p.stream != nil {
			return err // what is left to judge of a stream is judged at its end
		}
	}
	if err := p.texts.Check(); err != nil {
		return err
	}
	if err := p.checkSchema(reading); err != nil {
		return err
	}
	if modes.reading != Enforce {
		p.start.rewind(p.r) // nothing that is in force changed it
		return nil
	}
	return p.swapBack(reading)
}

// bodyModes say what becomes of a body that cannot be read.
type bodyModes struct {
	reading Mode // in exactly one way
	size    Mode // because it is too long
}

// bodyModes are the policy's mode, or the stricter one of a section that
// decides by what the body holds and would be blind without it.
func (p *pass) bodyModes(schema bool) bodyModes {
	needed := p.modes.nosql
	if schema {
		needed = strictest(needed, p.modes.bodies)
	}
	if p.crossing != nil {
		needed = strictest(needed, p.suit.modes.tokens)
	}
	if needed != Enforce && p.modes.head == Enforce && p.overridable() { // it may name another method
		needed = Enforce
	}
	if p.named != nil { // a limit goes by what it holds
		needed = strictest(needed, p.modes.limits)
	}
	return bodyModes{reading: strictest(needed, p.modes.policy), size: strictest(needed, p.modes.bodies)}
}

// of is the mode that decides about a reading's error. The sections have judged
// their own refusals already.
func (m bodyModes) of(err error) Mode {
	switch e := problem.As(err); {
	case e.Rule == rule.RequestTooLarge:
		return m.size
	case ofSection(e.Rule):
		return Enforce
	}
	return m.reading
}

// swapBack puts the app's own tokens back into a body that carries re-issued
// ones, as a refresh does.
func (p *pass) swapBack(reading *inspect.Reading) error {
	if p.crossing == nil || len(reading.Data) == 0 {
		return nil
	}
	data, err := p.crossing.InBody(reading.Data)
	if err != nil {
		return p.judge(p.suit.modes.tokens, err)
	}
	if !bytes.Equal(data, reading.Data) {
		inspect.Replace(p.r, data)
		reading.Data, reading.Tree = data, nil // its places are those of the old bytes
	}
	return nil
}

// checkSchema holds the body against the schemas of its routes.
func (p *pass) checkSchema(reading *inspect.Reading) error {
	mode := p.modes.bodies
	met := p.met.by[ownBodies]
	if mode == Off || len(met) == 0 {
		return nil
	}
	if reading == nil {
		reading = new(inspect.Reading)
		reading.Media, _ = inspect.MediaOf(p.r.Header) // of nothing there is but one reading
	}
	return p.judge(mode, p.plan().Check(p.r, reading))
}

// upload reads a multipart body part by part, judges it whole, and puts what it
// read, written anew, in the body's place. Where uploads are off it is read all
// the same for those who look at its fields.
func (p *pass) upload(visit inspect.Visitor, modes bodyModes, declared bool) error {
	s := p.suit
	mode := p.modes.uploads
	if mode == Off && p.modes.nosql == Off && p.crossing == nil && p.named == nil && !declared && (p.suit.modes.head == Off || !p.overridable()) {
		return nil
	}
	inspector, named := s.fallback, false
	if met := p.met.by[ownUpload]; len(met) > 0 {
		inspector, named = s.uploads[met[0]], true
	}
	fields := inspect.NewFields(visit, listener{p})
	fields.Plain = declared
	read := inspector.Forward
	if !p.mayStream(modes, declared) {
		read = func(r *http.Request, o upload.ReadOptions) (*upload.Form, *upload.Stream, error) {
			form, err := inspector.Read(r, o)
			return form, nil, err
		}
	}
	var deadline func(time.Time) error
	if !s.policy.proxies() { // a guard has its own
		deadline = http.NewResponseController(&p.out).SetReadDeadline
	}
	form, stream, err := read(p.r, upload.ReadOptions{
		Deadline: deadline,
		Field: func(name, contentType, value string) error {
			if err := p.tokenInField(value); err != nil {
				return err
			}
			return fields.Add(name, contentType, value)
		},
		JSON: func(name, value string) error {
			if err := p.tokenInField(value); err != nil {
				return err
			}
			err := fields.AddJSON(name, value)
			if s.policy.Profile == Compatible && !named {
				return p.judge(Report, err) // may be ordinary use: queries that people keep, or a schema
			}
			return err
		},
		Judge: func(e *problem.Error) error {
			return p.judge(p.uploadMode(e.Rule, mode, named), e)
		},
		Note: func(e *problem.Error) {
			if mode != Off {
				p.suit.respond.Report(p.r, p.x, e)
			}
		},
		Done: func() error {
			if err := p.texts.Check(); err != nil {
				return err
			}
			return p.judge(p.suit.modes.head, p.override)
		},
	})
	p.form, p.stream = form, stream
	if err != nil {
		if err := p.judge(modes.of(err), err); err != nil {
			return err
		}
		return p.judge(p.suit.modes.head, p.override) // of what was read before it
	}
	if stream != nil {
		stream.Replace(p.r)
		return nil
	}
	if declared {
		for _, f := range form.Fields {
			value, err := f.Value()
			if err != nil {
				return err
			}
			if err := p.reading.Keep(f.Name, value); err != nil {
				return err
			}
		}
	}
	if err := p.judge(p.suit.modes.head, p.override); err != nil {
		return err
	}
	form.Replace(p.r)
	if !s.policy.proxies() {
		p.r = p.r.WithContext(upload.With(p.r.Context(), form))
	}
	return nil
}

// mayStream reports whether a form may go on before it was read to its end: to
// an app behind a guard, where nothing that decides now is in it, and where it
// need not arrive as it came.
func (p *pass) mayStream(modes bodyModes, declared bool) bool {
	return p.suit.policy.proxies() && modes.reading == Enforce && !declared && p.crossing == nil && p.named == nil
}

// tokenInField refuses a forged token in a field of a multipart form. One of
// ours stays as it is, and means nothing to the app.
func (p *pass) tokenInField(value string) error {
	if p.crossing == nil {
		return nil
	}
	_, err := p.crossing.InBody([]byte(value))
	return p.judge(p.suit.modes.tokens, err)
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
