// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/leak"
	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/rule"
)

const (
	scrubHold = 64 << 10 // of a 4xx body, looked at for leaks
	scrubKeep = 4 << 10  // of a replaced body, for the log
)

// Scrub decides about an answer that the app wrote itself: a 5xx is replaced, a
// 4xx that a person could read is held for [Responder.ScrubBody], and so is a
// GraphQL answer, whose errors come with a status of success.
func (t *Responder) Scrub(r *http.Request, x *Exchange, status int, h http.Header) respond.Plan {
	switch {
	case t.cfg.NoScrub || x.Own:
	case status >= 500:
		e := &Error{Rule: rule.ErrorBody, Status: status, Title: statusTitle(status)}
		payload := t.replace(r, x, e, h)
		return respond.Plan{Replace: true, Status: status, Body: payload, Keep: scrubKeep}
	case status >= 400 && readable(h) || status == http.StatusOK && graphQL(r, h):
		return respond.Plan{Hold: scrubHold}
	}
	return respond.Plan{}
}

// ScrubBody decides about a held body: whole, or its first 64 KiB.
func (t *Responder) ScrubBody(r *http.Request, x *Exchange, status int, h http.Header, held []byte) (body []byte, replaced bool) {
	if status < 400 && !graphQL(r, h) || status >= 400 && !readable(h) {
		return held, false // held for somebody else
	}
	text, ok := decoded(h, held)
	if !ok {
		return t.leaking(r, x, status, h, "a body in a coding that cannot be read", nil), true
	}
	if status < 400 {
		clean, kind, found := scrubGraphQL(text, x.ID)
		if !found {
			return held, false
		}
		t.Log(r, x, leakError(status, kind, text))
		t.describe(h, clean)
		return clean, true
	}
	if kind, found := leak.Find(text); found {
		return t.leaking(r, x, status, h, kind, text), true
	}
	return held, false
}

// leaking logs an answer that leaks and gives the problem in its place.
func (t *Responder) leaking(r *http.Request, x *Exchange, status int, h http.Header, kind string, text []byte) []byte {
	e := leakError(status, kind, text)
	t.Log(r, x, e)
	return t.replace(r, x, e, h)
}

func leakError(status int, kind string, text []byte) *Error {
	return &Error{Rule: rule.ErrorLeak, Status: status, Title: statusTitle(status),
		Cause: fmt.Errorf("the app's answer shows %s: %s", kind, leak.Mask(clip(string(text), scrubKeep)))}
}

// Scrubbed logs what the app said in an answer that was replaced.
func (t *Responder) Scrubbed(r *http.Request, x *Exchange, status int, original []byte) {
	t.Log(r, x, &Error{Rule: rule.ErrorBody, Status: status,
		Cause: errors.New("the app answered: " + leak.Mask(string(original)))})
}

// describe has the header describe another body of the same type.
func (t *Responder) describe(h http.Header, body []byte) {
	for _, name := range staleHeaders {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
}

// replace readies the headers for a problem in place of the app's body.
// Cookies, CORS headers, Retry-After and WWW-Authenticate stay.
func (t *Responder) replace(r *http.Request, x *Exchange, e *Error, h http.Header) []byte {
	payload, contentType := t.Render(r, x, e)
	t.setHeaders(h, r, x, e)
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	if r.Method == http.MethodHead {
		return nil
	}
	return payload
}

func statusTitle(status int) string {
	if status == http.StatusInternalServerError {
		return "Internal server error"
	}
	if s := http.StatusText(status); s != "" {
		return s
	}
	return "Error " + strconv.Itoa(status)
}

// readable reports whether a body could show a leak to a person: text that is
// neither streamed nor a download.
func readable(h http.Header) bool {
	disposition, _, _ := strings.Cut(h.Get("Content-Disposition"), ";")
	if strings.EqualFold(strings.Trim(disposition, " \t"), "attachment") {
		return false
	}
	ct := strings.ToLower(h.Get("Content-Type"))
	if strings.HasPrefix(ct, "text/event-stream") {
		return false
	}
	return ct == "" || strings.HasPrefix(ct, "text/") || strings.Contains(ct, "json") || strings.Contains(ct, "xml")
}

// scrubHook is the scrubber alone, for apps that use this package without the
// suit.
type scrubHook struct {
	t      *Responder
	r      *http.Request
	x      *Exchange
	status int
}

func (s *scrubHook) Header(status int, h http.Header) respond.Plan {
	h.Del("X-Powered-By")
	h.Set("X-Request-Id", s.x.ID)
	s.status = status
	return s.t.Scrub(s.r, s.x, status, h)
}

func (s *scrubHook) Body(status int, h http.Header, held []byte, _ bool) (int, []byte, bool) {
	body, replaced := s.t.ScrubBody(s.r, s.x, status, h, held)
	return status, body, replaced
}

func (s *scrubHook) Dropped(original []byte) {
	s.t.Scrubbed(s.r, s.x, s.status, original)
}
