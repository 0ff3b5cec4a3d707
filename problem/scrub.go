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

// Scrub decides about an answer that the app wrote itself: a 5xx is replaced,
// a 4xx with a readable body is held for [Responder.ScrubBody].
func (t *Responder) Scrub(r *http.Request, x *Exchange, status int, h http.Header) respond.Plan {
	if t.cfg.NoScrub || x.Own || status < 400 {
		return respond.Plan{}
	}
	if status >= 500 {
		e := &Error{Rule: rule.ErrorBody, Status: status, Title: statusTitle(status)}
		payload := t.replace(r, x, e, h)
		return respond.Plan{Replace: true, Status: status, Body: payload, Keep: scrubKeep}
	}
	if readable(h) {
		return respond.Plan{Hold: scrubHold}
	}
	return respond.Plan{}
}

// ScrubBody decides about a held 4xx body.
func (t *Responder) ScrubBody(r *http.Request, x *Exchange, status int, h http.Header, held []byte) (body []byte, replaced bool) {
	kind, found := leak.Find(held)
	if !found {
		return held, false
	}
	e := &Error{Rule: rule.ErrorLeak, Status: status, Title: statusTitle(status),
		Cause: fmt.Errorf("the app's answer shows %s: %s", kind, leak.Mask(clip(string(held), scrubKeep)))}
	t.Log(r, x, e)
	return t.replace(r, x, e, h), true
}

// Scrubbed logs what the app said in an answer that was replaced.
func (t *Responder) Scrubbed(r *http.Request, x *Exchange, status int, original []byte) {
	t.Log(r, x, &Error{Rule: rule.ErrorBody, Status: status,
		Cause: errors.New("the app answered: " + leak.Mask(string(original)))})
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
// neither compressed, ranged, streamed nor a download.
func readable(h http.Header) bool {
	if ce := h.Get("Content-Encoding"); ce != "" && !strings.EqualFold(ce, "identity") {
		return false
	}
	if strings.HasPrefix(h.Get("Content-Disposition"), "attachment") {
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
