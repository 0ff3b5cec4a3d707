// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package problem

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"

	"github.com/panoply-security/panoply/internal/leak"
)

// Exchange is what is known of one request and its answer. One is made per
// request and shared by everything that the request passes.
type Exchange struct {
	// ID is the request's id, a random UUID (version 4). It is in the problem's
	// `instance`, in the header X-Request-Id and in every log line.
	ID string
	// Client is the address that the request is counted to; may be invalid.
	Client netip.Addr
	// Route is the pattern that the request met, for the log; may be empty.
	Route string
	// Own is set when Panoply wrote the answer itself, so that nobody scrubs it.
	Own bool
	// Reading is the request's body as package inspect read it, for whoever
	// needs it next; nil until it was read.
	Reading any

	responder *Responder
	// within is the request's context with this in it: a part of the exchange, as
	// both live as long as the request.
	within exchangeContext
}

type exchangeKey struct{}

// exchangeContext is a context with an exchange.
type exchangeContext struct {
	context.Context
	x *Exchange
}

// Value returns the exchange for its key.
func (c *exchangeContext) Value(key any) any {
	if key == (exchangeKey{}) {
		return c.x
	}
	return c.Context.Value(key)
}

// Begin gives the request a new Exchange in its context.
func (t *Responder) Begin(r *http.Request) (*http.Request, *Exchange) {
	x := new(Exchange)
	return t.BeginIn(r, x), x
}

// BeginIn is [Responder.Begin] with an Exchange that the caller has room for: a zero
// one, for this request alone.
func (t *Responder) BeginIn(r *http.Request, x *Exchange) *http.Request {
	x.ID, x.responder = newID(), t
	x.within.Context, x.within.x = r.Context(), x
	return r.WithContext(&x.within)
}

// From returns the Exchange of a request's context, or nil.
func From(ctx context.Context) *Exchange {
	x, _ := ctx.Value(exchangeKey{}).(*Exchange)
	return x
}

// ID returns the id of the request, or "".
func ID(ctx context.Context) string {
	if x := From(ctx); x != nil {
		return x.ID
	}
	return ""
}

// newID returns a random UUID in its usual spelling (RFC 9562 version 4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	var s [36]byte
	hex.Encode(s[0:8], b[0:4])
	hex.Encode(s[9:13], b[4:6])
	hex.Encode(s[14:18], b[6:8])
	hex.Encode(s[19:23], b[8:10])
	hex.Encode(s[24:36], b[10:16])
	s[8], s[13], s[18], s[23] = '-', '-', '-', '-'
	return string(s[:])
}

// Log writes the one line about an error: what refused whom where, the id that
// the client got, and the cause. Never a body, a query or a header value.
func (t *Responder) Log(r *http.Request, x *Exchange, e *Error) {
	t.observe(r, x, e, false)
	level, text := slog.LevelError, "error answered"
	switch {
	case e.Rule != "" && e.Code() < 500:
		level, text = slog.LevelWarn, "request blocked"
	case e.Code() < 500:
		level, text = slog.LevelInfo, "request refused by the app"
	}
	t.log.LogAttrs(r.Context(), level, text, attrs(r, x, e)...)
}

// Report logs what a protection in report mode would have blocked.
func (t *Responder) Report(r *http.Request, x *Exchange, e *Error) {
	t.observe(r, x, e, true)
	t.log.LogAttrs(r.Context(), slog.LevelWarn, "would block", attrs(r, x, e)...)
}

func (t *Responder) observe(r *http.Request, x *Exchange, e *Error, reported bool) {
	if t.cfg.Observe != nil && e.Rule != "" {
		t.cfg.Observe(r, x, e, reported)
	}
}

func attrs(r *http.Request, x *Exchange, e *Error) []slog.Attr {
	a := make([]slog.Attr, 0, 10)
	if e.Rule != "" {
		a = append(a, slog.String("rule", string(e.Rule)))
	}
	a = append(a, slog.Int("status", e.Code()), slog.String("method", r.Method), slog.String("path", clip(r.URL.Path, 256)))
	if x.Route != "" {
		a = append(a, slog.String("route", x.Route))
	}
	if x.Client.IsValid() {
		a = append(a, slog.String("client", x.Client.String()))
	}
	a = append(a, slog.String("id", x.ID))
	if e.Detail != "" {
		a = append(a, slog.String("detail", e.Detail))
	}
	if len(e.Fields) > 0 {
		var fields []string
		for _, f := range e.Fields[:min(len(e.Fields), 5)] {
			fields = append(fields, clip(f.Pointer, 128)+": "+f.Detail)
		}
		a = append(a, slog.Any("fields", fields))
	}
	if e.Cause != nil {
		a = append(a, slog.String("cause", leak.Mask(e.Cause.Error())))
	}
	return a
}

func clip(s string, n int) string {
	if len(s) > n {
		return strings.ToValidUTF8(s[:n], "") + "…"
	}
	return s
}
