// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package session

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/panoply-security/panoply/internal/respond"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// Handler gives every request its session ([From]) and saves it with the
// answer. It refuses unsafe requests from other sites with a 403 problem, and
// answers 503 when the store does not.
func (t *Sessions) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r, s, err := t.Load(r)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		var out respond.Writer
		out.Reset(w, &hook{s, r})
		// Not deferred: after a panic nothing is saved, and the answer is that of
		// whoever recovers.
		next.ServeHTTP(&out, r)
		out.Finish()
		s.Close(r)
	})
}

// hook saves the session on the final header.
type hook struct {
	s *Session
	r *http.Request
}

func (k *hook) Header(_ int, h http.Header) respond.Plan {
	err := k.s.Save(k.r, h)
	if err == nil {
		return respond.Plan{}
	}
	// The handler's answer would claim what is not so.
	answer := capture{header: h}
	problem.Write(&answer, k.r, err)
	return respond.Plan{Replace: true, Status: answer.status, Body: answer.body}
}

func (k *hook) Body(status int, _ http.Header, body []byte, _ bool) (int, []byte, bool) {
	return status, body, false
}

func (k *hook) Dropped([]byte) {}

// capture is a ResponseWriter that keeps the answer.
type capture struct {
	header http.Header
	status int
	body   []byte
}

func (c *capture) Header() http.Header    { return c.header }
func (c *capture) WriteHeader(status int) { c.status = status }
func (c *capture) Write(b []byte) (int, error) {
	c.body = append(c.body, b...)
	return len(b), nil
}

// Load decides about a request and finds its session, which it puts into the
// context of the request returned. The error is a [*problem.Error]: 403 for an
// unsafe request from another site, 503 when the store does not answer.
//
// Who calls it without [Sessions.Handler] calls [Session.Save] before the final
// header leaves and [Session.Close] when the handler has returned.
func (t *Sessions) Load(r *http.Request) (*http.Request, *Session, error) {
	if err := t.cross.Check(r); err != nil {
		return r, nil, &problem.Error{Rule: rule.SessionCrossOrigin, Cause: err}
	}
	s := &Session{t: t}
	if i, ok := t.idOf(r); ok {
		rec, found, err := t.store.Find(r.Context(), i.key())
		if err != nil {
			return r, nil, unavailable(err)
		}
		if now := time.Now(); found && now.Before(rec.Expires) {
			s.id, s.rec, s.inStore = i, rec, true
			s.touch = now.Sub(rec.Seen) >= t.idle/10
		}
	}
	return r.WithContext(context.WithValue(r.Context(), contextKey{}, s)), s, nil
}

// Save stores what was changed and puts the cookie into h when there is a new
// one. It must be called once, before the final header leaves. With an error,
// a [*problem.Error], that must be the answer: the changes are not stored.
func (s *Session) Save(r *http.Request, h http.Header) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sent = true
	switch {
	case s.renew || !s.inStore && len(s.changes) > 0:
		if err := s.create(r.Context()); err != nil {
			return err
		}
		s.setCookie(r, h)
		return nil
	case s.expire:
		cookie := s.t.cookie
		cookie.MaxAge = -1
		h.Add("Set-Cookie", cookie.String())
		h.Set("Cache-Control", "no-store")
	}
	return s.update(r.Context())
}

// Close stores what was changed after the header left. Faults are logged.
func (s *Session) Close(r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.changes) == 0 {
		return
	}
	if err := s.update(r.Context()); err != nil {
		s.t.log.ErrorContext(r.Context(), "session not saved", "id", problem.ID(r.Context()), "cause", err)
	}
}

func (s *Session) setCookie(r *http.Request, h http.Header) {
	cookie := s.t.cookie
	cookie.Value = s.id.String()
	cookie.MaxAge = max(1, int(time.Until(s.rec.Created.Add(s.t.lifetime)).Round(time.Second)/time.Second))
	h.Add("Set-Cookie", cookie.String())
	h.Set("Cache-Control", "no-store")
	if cookie.Secure && r.TLS == nil && r.Header.Get("X-Forwarded-Proto") == "" && r.Header.Get("Forwarded") == "" {
		s.t.plain.Do(func() {
			s.t.log.WarnContext(r.Context(), "browsers drop the session cookie over plain HTTP", "hint", "serve over TLS, or set insecure_development")
		})
	}
}

// expires is when the session ends if nothing more happens.
func (t *Sessions) expires(rec *Record) time.Time {
	end, silent := rec.Created.Add(t.lifetime), rec.Seen.Add(t.idle)
	if silent.Before(end) {
		return silent
	}
	return end
}

// create stores the session under a new id, and ends the old one.
func (s *Session) create(ctx context.Context) error {
	now := time.Now()
	rec := Record{User: s.user, Created: now, Seen: now, Version: 1}
	if s.inStore && s.rec.User == s.user {
		rec.Created = s.rec.Created
	}
	rec.Data, rec.Expires = merge(s.rec.Data, s.changes), s.t.expires(&rec)
	i := newID()
	if done, err := s.t.store.Commit(ctx, i.key(), rec); err != nil || !done {
		return unavailable(err)
	}
	if s.inStore {
		// In this order, so that a revocation at any moment meets one of the two.
		found, err := s.t.store.Delete(ctx, s.id.key())
		revoked := !found && s.rec.User != "" && s.rec.User == s.user
		if err != nil || revoked {
			// Not for the request's context: it may be what ended.
			if _, again := s.t.store.Delete(context.WithoutCancel(ctx), i.key()); again != nil {
				err = errors.Join(err, again)
			}
			if err != nil {
				return unavailable(err)
			}
			return &problem.Error{Rule: rule.SessionRevoked}
		}
	}
	s.id, s.rec, s.inStore, s.changes, s.renew, s.touch = i, rec, true, nil, false, false
	return nil
}

// update stores the changes of a session that is there. Those that another
// request has stored in the meantime stay, and a session that is no longer there
// does not come back.
func (s *Session) update(ctx context.Context) error {
	if !s.inStore || len(s.changes) == 0 && !s.touch {
		return nil
	}
	const attempts = 8
	for range attempts {
		rec := s.rec
		rec.Seen, rec.Version = time.Now(), rec.Version+1
		rec.Expires = s.t.expires(&rec)
		if len(s.changes) > 0 {
			rec.Data = merge(rec.Data, s.changes)
		}
		done, err := s.t.store.Commit(ctx, s.id.key(), rec)
		if err == nil && done {
			s.rec, s.changes, s.touch = rec, nil, false
			return nil
		}
		found := false
		if err == nil {
			s.rec, found, err = s.t.store.Find(ctx, s.id.key())
		}
		switch {
		case err != nil && len(s.changes) == 0:
			s.t.log.WarnContext(ctx, "session not kept alive", "cause", err)
			return nil // the answer does not depend on it
		case err != nil:
			return unavailable(err)
		case !found:
			s.forget()
			return nil
		case len(s.changes) == 0:
			return nil // the other request was as good a sign of life
		}
	}
	return unavailable(errors.New("session: changed by too many requests at once"))
}
