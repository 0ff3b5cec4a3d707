// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package session keeps who is signed in (mistake 5).
//
// # Threat
//
// A session cookie without flags is read by scripts, sent in clear and sent
// along by other sites. One signed with a secret from a tutorial is anybody's
// to forge. An id that stays the same at login was perhaps set by an attacker
// (fixation), and a session that cannot be ended is replayed after logout.
//
// # What it does
//
// A session is 32 random bytes in the cookie __Host-session: Secure, HttpOnly,
// SameSite=Strict, one hour. The store knows only the SHA-256 of it, so that
// whoever reads the store cannot use what he finds. There is no secret to
// guess, and an id that the store does not know is never adopted.
//
//	sessions, err := session.New(session.Config{})
//	mux := sessions.Handler(app)
//
//	s := session.From(r.Context())
//	err = s.Renew(user.ID)                       // at login, and at any change of privilege
//	cart, ok := session.Get[Cart](s, "cart")     // typed, decoded when asked for
//	err = s.Set("cart", cart)
//	err = s.Destroy(r.Context())                 // at logout
//	n, err := sessions.RevokeAll(ctx, user.ID)   // everywhere
//	list, err := sessions.List(ctx, user.ID)     // where, and when last seen
//	ok, err := sessions.Revoke(ctx, user.ID, list[0].Handle)
//
// Reading creates nothing; a session comes into being with the first Set or
// Renew, is saved only when it was changed, and is saved before its cookie
// leaves, on the final header: also when the handler flushes, streams, hijacks
// or sends 1xx answers first. Parallel requests of one session do not undo each
// other's changes, nor a logout: what one deleted, no other brings back.
//
// Unsafe requests that a browser sends from another site are refused
// ([net/http.CrossOriginProtection]). Answers that set the cookie carry
// Cache-Control: no-store.
//
// The cookie is Secure whatever the request looks like, so nothing is lost
// behind a proxy that terminates TLS. Over plain HTTP browsers drop it; the log
// says so once, and [Config.InsecureDevelopment] is the way out.
//
// # What it does not do
//
// It does not bind a session to an address or a browser, and does not encrypt
// what the store holds. A thief of the cookie is the user until the session
// ends.
//
// # Bounds
//
// A session ends one hour after it began, or after an hour of silence, by
// default. Its values have at most 16 KiB, names and JSON together. The memory store holds at
// most 100,000 sessions and 64 MiB; see [Memory] for what happens when it is
// full. A request costs one store lookup, and one write when something changed
// or every tenth of the idle time.
package session

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// The names of the cookie. Browsers take __Host- only with Secure, Path=/ and
// no Domain, so that no subdomain can set it.
const (
	CookieName         = "__Host-session"
	InsecureCookieName = "session-insecure"
)

// Config is how sessions are kept. The zero value keeps them in memory for an
// hour.
type Config struct {
	// Store holds the sessions; nil is a new [Memory] with its defaults.
	Store Store `yaml:"-"`
	// Lifetime ends a session that long after it began, whatever happens. 0 is
	// one hour; 1 minute to 90 days.
	Lifetime time.Duration `yaml:"lifetime"`
	// Idle ends it after that long without a request. 0 is Lifetime, so that only
	// that counts; at least 1 minute.
	Idle time.Duration `yaml:"idle"`
	// SameSite is Strict (the default) or Lax, for apps that people enter signed
	// in through links and redirects from elsewhere.
	SameSite string `yaml:"same_site"`
	// MaxBytes bounds the values of one session, names and JSON together. 0 is 16384; at most
	// 1 MiB.
	MaxBytes int `yaml:"max_bytes"`
	// TrustedOrigins are other sites whose unsafe requests are let in, as
	// scheme://host[:port].
	TrustedOrigins []string `yaml:"trusted_origins"`
	// InsecureDevelopment uses the cookie session-insecure, without Secure, so
	// that plain HTTP works.
	InsecureDevelopment bool `yaml:"insecure_development"`
	// Logger gets what goes wrong; nil is slog.Default().
	Logger *slog.Logger `yaml:"-"`
}

// Sessions loads and saves sessions. It is safe for concurrent use.
type Sessions struct {
	store    Store
	lifetime time.Duration
	idle     time.Duration
	maxBytes int
	cookie   http.Cookie // all but the value
	cross    *http.CrossOriginProtection
	log      *slog.Logger
	plain    sync.Once // the warning about plain HTTP
}

// New checks the configuration.
func New(cfg Config) (*Sessions, error) {
	var faults fault.List
	t := &Sessions{store: cfg.Store, lifetime: cfg.Lifetime, idle: cfg.Idle, maxBytes: cfg.MaxBytes, log: cfg.Logger,
		cross: http.NewCrossOriginProtection()}
	if t.lifetime == 0 {
		t.lifetime = time.Hour
	}
	if t.lifetime < time.Minute || t.lifetime > 90*24*time.Hour {
		faults.Addf("lifetime", "leave it out for 1h", "%v is not within 1m and 90 days", t.lifetime)
	}
	if t.idle == 0 {
		t.idle = t.lifetime
	}
	if t.idle < time.Minute || t.idle > t.lifetime {
		faults.Addf("idle", "leave it out for the lifetime", "%v is not within 1m and the lifetime %v", t.idle, t.lifetime)
	}
	if t.maxBytes == 0 {
		t.maxBytes = 16 << 10
	}
	if t.maxBytes < 2 || t.maxBytes > 1<<20 {
		faults.Addf("max_bytes", "leave it out for 16384", "%d is not within 2 and 1048576", t.maxBytes)
	}
	t.cookie = http.Cookie{Name: CookieName, Path: "/", HttpOnly: true, Secure: true, SameSite: http.SameSiteStrictMode}
	switch cfg.SameSite {
	case "", "Strict":
	case "Lax":
		t.cookie.SameSite = http.SameSiteLaxMode
	default:
		faults.Addf("same_site", "Strict or Lax", "%q is neither", cfg.SameSite)
	}
	for i, origin := range cfg.TrustedOrigins {
		if err := t.cross.AddTrustedOrigin(origin); err != nil {
			faults.Addf(fmt.Sprintf("trusted_origins[%d]", i), "scheme://host[:port] without a path", "%q is not an origin", origin)
		}
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	if t.log == nil {
		t.log = slog.Default()
	}
	if t.store == nil {
		var err error
		if t.store, err = NewMemory(MemoryConfig{}); err != nil {
			return nil, err
		}
	}
	if cfg.InsecureDevelopment {
		t.cookie.Name, t.cookie.Secure = InsecureCookieName, false
		t.log.Warn("insecure: session cookies are sent over plain HTTP", "setting", "insecure_development", "cookie", InsecureCookieName)
	}
	return t, nil
}

// ErrNoUserIndex is what RevokeAll answers when the store cannot find the
// sessions of a user.
var ErrNoUserIndex = errors.New("session: the store has no user index")

// RevokeAll ends every session of the user, and says how many. Requests of
// these sessions that are under way can neither save nor renew them. To keep
// the one at hand, Destroy it, and Renew it for the user.
func (t *Sessions) RevokeAll(ctx context.Context, user string) (n int, err error) {
	index, ok := t.store.(UserIndex)
	if !ok {
		return 0, ErrNoUserIndex
	}
	if user == "" {
		return 0, errors.New("session: RevokeAll without a user")
	}
	return index.DeleteUser(ctx, user)
}

// id is what the cookie holds.
type id [32]byte

func newID() (i id) {
	rand.Read(i[:])
	return i
}

// key is what the store knows of it.
func (i id) key() Key { return sha256.Sum256(i[:]) }

var strict = base64.RawURLEncoding.Strict()

func (i id) String() string { return base64.RawURLEncoding.EncodeToString(i[:]) }

// idOf reads the one cookie in its one spelling; two of them are none.
func (t *Sessions) idOf(r *http.Request) (i id, ok bool) {
	cookies := r.CookiesNamed(t.cookie.Name)
	if len(cookies) != 1 || len(cookies[0].Value) != base64.RawURLEncoding.EncodedLen(len(i)) {
		return i, false
	}
	n, err := strict.Decode(i[:], []byte(cookies[0].Value))
	return i, err == nil && n == len(i)
}

func unavailable(err error) error {
	if errors.Is(err, ErrFull) {
		return &problem.Error{Rule: rule.SessionFull, Retry: time.Minute, Cause: err}
	}
	return &problem.Error{Rule: rule.SessionUnavailable, Retry: time.Second, Cause: err}
}
