// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package problem answers errors without telling secrets (mistake 4).
//
// # Threat
//
// A stack trace, a driver's message or an internal address in an error answer
// tells an attacker what runs where. Express sends all three unless NODE_ENV
// says production, and many handlers send err.message on their own.
//
// # What it does
//
// Every refusal and error leaves as an RFC 9457 problem: a fixed title, a
// public detail where there is one, and an id. The cause goes to the log alone,
// in one line that carries the same id. Handlers may return errors ([Handler]),
// panics are recovered ([Responder.Handler]), and answers that an app wrote
// itself are scrubbed: 5xx bodies always, 4xx bodies when they show a stack
// frame, a driver's error or an internal address, and those errors of a GraphQL
// answer that do, whatever its status.
//
// A compressed 4xx is read too (gzip, deflate). Codings that could not be read
// are taken off the request ([Responder.AskReadable]), and a 4xx that comes in
// one all the same is replaced unread.
//
// # What it does not do
//
// It does not look into answers of success but GraphQL's (told by the type
// application/graphql-response+json, or by the word graphql in the path), nor
// into downloads, event streams or upgraded connections, and it cannot replace an
// answer whose first bytes have left. What it recognises is in internal/leak: an
// error of a shape that nobody knows passes with its 4xx.
//
// # Bounds
//
// At most 64 KiB of a body is held back, and at most 64 KiB of what it says is
// looked at; a GraphQL answer that is longer passes. At most 4 KiB of a replaced
// body goes to the log, secrets masked.
package problem

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/respond"
)

// Config is how errors are answered. The zero value is production.
type Config struct {
	// InsecureShowCauses adds the private cause to problems, for development.
	// It is honoured only for requests that come over loopback and carry no
	// forwarding header, so that it never reaches the public by accident.
	InsecureShowCauses bool `yaml:"-"`
	// NoScrub lets the app's own 5xx bodies and leaking 4xx bodies through.
	NoScrub bool `yaml:"scrub,not"`
	// Flat answers the fields at fault as zod's flatten() has them, so that a front
	// end written for it need not change: `errors` is then a [Flat] instead of a
	// list of pointers, and is there in every 400 and 422.
	Flat bool `yaml:"flat" doc:"errors as zod's flatten() has them: {formErrors, fieldErrors} instead of a list of pointers"`
	// CORSOrigins may read Panoply's own answers from a browser: exact origins
	// such as https://shop.example, as in the Origin header. At most 100.
	CORSOrigins []string `yaml:"-"`
	// Logger gets one line per answer. Nil is slog.Default().
	Logger *slog.Logger `yaml:"-"`
	// Observe is told of what is logged of a rule, for whoever counts: with reported, of
	// what would have been refused. It is called while the request waits.
	Observe func(r *http.Request, x *Exchange, e *Error, reported bool) `yaml:"-"`
}

// Responder writes problems and scrubs answers.
type Responder struct {
	cfg Config
	log *slog.Logger
}

// New checks the configuration.
func New(cfg Config) (*Responder, error) {
	var faults fault.List
	if len(cfg.CORSOrigins) > 100 {
		faults.Add("cors.origins", "more than 100 origins", "list the front ends that need to read errors")
	}
	for i, o := range cfg.CORSOrigins {
		if !validOrigin(o) {
			faults.Addf(fmt.Sprintf("cors.origins[%d]", i), "write scheme://host[:port] without a path, as browsers send it", "%q is not an origin", o)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	t := &Responder{cfg: cfg, log: cfg.Logger}
	if t.log == nil {
		t.log = slog.Default()
	}
	return t, nil
}

func validOrigin(o string) bool {
	scheme, host, ok := strings.Cut(o, "://")
	return ok && (scheme == "http" || scheme == "https") && host != "" &&
		o == strings.ToLower(o) && !strings.ContainsAny(host, "/?#@ ,\r\n*")
}

var standard = &Responder{log: slog.Default()}

// Handler is a handler that may return an error instead of answering it. The
// error is answered by the [Responder] that the request passed, or else as in
// production.
func Handler(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := h(w, r); err != nil {
			Write(w, r, err)
		}
	})
}

// Write answers the request with err, through the [Responder] it passed.
func Write(w http.ResponseWriter, r *http.Request, err error) {
	t := standard
	x := From(r.Context())
	if x != nil && x.responder != nil {
		t = x.responder
	}
	t.Write(w, r, err)
}

// body is the answer as JSON, members in the order of RFC 9457.
type body struct {
	Type     string `json:"type"`
	Title    string `json:"title"`
	Status   int    `json:"status"`
	Detail   string `json:"detail,omitempty"`
	Instance string `json:"instance"`
	Errors   any    `json:"errors,omitempty"` // []Field or Flat
	Cause    string `json:"cause,omitempty"`
}

// Write answers the request with err and logs it. The error's own text never
// reaches the client. An answer that has begun to leave is not added to: then
// the log alone is told.
func (t *Responder) Write(w http.ResponseWriter, r *http.Request, err error) {
	e := As(err)
	x := exchangeOf(r)
	t.Log(r, x, e)
	if out := writerBelow(w); out != nil && !out.Discard() {
		return
	}

	x.Own = true
	payload, contentType := t.Render(r, x, e)
	h := w.Header()
	t.setHeaders(h, r, x, e)
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(payload)))
	w.WriteHeader(e.Code())
	if r.Method != http.MethodHead {
		w.Write(payload)
	}
}

// writerBelow finds the wrapper that knows whether an answer has left, or nil.
func writerBelow(w http.ResponseWriter) *respond.Writer {
	for range 8 {
		if out, ok := w.(*respond.Writer); ok {
			return out
		}
		wrapper, ok := w.(interface{ Unwrap() http.ResponseWriter })
		if !ok {
			break
		}
		w = wrapper.Unwrap()
	}
	return nil
}

// Render gives the body of the answer and its content type: a problem, or for
// a browser that asks for a page a small page without scripts.
func (t *Responder) Render(r *http.Request, x *Exchange, e *Error) (payload []byte, contentType string) {
	b := body{Type: "about:blank", Title: e.title(), Status: e.Code(), Detail: e.Detail, Instance: "urn:uuid:" + x.ID}
	if len(e.Fields) > 0 {
		b.Errors = e.Fields
	}
	if e.Rule != "" {
		b.Type = e.Rule.URN()
	}
	if b.Status == http.StatusInternalServerError && e.Title == "" {
		b.Title = "Internal server error"
	}
	if t.cfg.InsecureShowCauses && e.Cause != nil && local(r) {
		b.Cause = e.Cause.Error()
	}
	if wantsPage(r) {
		return page(b), "text/html; charset=utf-8"
	}
	if t.cfg.Flat && (b.Errors != nil || b.Status == http.StatusBadRequest || b.Status == http.StatusUnprocessableEntity) {
		b.Errors = e.Flat()
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(true) // the answer is JSON even for a client that sniffs
	if err := enc.Encode(b); err != nil {
		return []byte(`{"type":"about:blank","title":"Internal server error","status":500}`), "application/problem+json"
	}
	return buf.Bytes(), "application/problem+json"
}

// staleHeaders describe a body that is no longer sent, or let caches keep the
// answer against Cache-Control.
var staleHeaders = []string{
	"Content-Encoding", "Content-Language", "Content-Location", "Content-Range", "Content-Disposition", "Accept-Ranges",
	"Etag", "Last-Modified", "Digest", "Content-Digest", "Repr-Digest", "Content-Md5", "Expires", "Trailer", "Transfer-Encoding",
	"Cdn-Cache-Control", "Surrogate-Control",
}

func (t *Responder) setHeaders(h http.Header, r *http.Request, x *Exchange, e *Error) {
	for _, name := range staleHeaders {
		h.Del(name)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Request-Id", x.ID)
	if e.Retry > 0 {
		seconds := int64(e.Retry / time.Second)
		if e.Retry%time.Second != 0 {
			seconds++
		}
		h.Set("Retry-After", strconv.FormatInt(seconds, 10))
	}
	for name, values := range e.Header {
		h[http.CanonicalHeaderKey(name)] = slices.Clone(values)
	}
	if origin := r.Header.Get("Origin"); origin != "" && slices.Contains(t.cfg.CORSOrigins, origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Allow-Credentials", "true")
		h.Set("Access-Control-Expose-Headers", "X-Request-Id, Retry-After, RateLimit, RateLimit-Policy")
		h.Add("Vary", "Origin")
	}
}

// local reports whether the request can only come from this machine.
func local(r *http.Request) bool {
	for name := range r.Header {
		switch name {
		case "Forwarded", "X-Real-Ip", "X-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Via":
			return false
		}
		if strings.HasPrefix(name, "X-Forwarded") {
			return false
		}
	}
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
