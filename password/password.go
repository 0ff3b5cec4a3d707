// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package password hashes and compares passwords (mistakes 5 and 7).
//
// # Threat
//
// Passwords that leak in clear or under a fast hash are tried everywhere else
// within hours. A login that answers faster for unknown users tells who has an
// account. And hashing is so dear that a flood of logins takes the machine.
//
// # What it does
//
// [Hasher.Hash] makes an argon2id hash (RFC 9106; 19 MiB, 2 passes, 1 lane,
// the OWASP recommendation) in the PHC string format, or bcrypt where other
// software must read it. [Hasher.Verify] compares against both, and when the
// stored hash is weaker than the configuration returns a new one to store in
// its place. With an empty stored hash, the answer for an unknown user, it
// does the same work and says no:
//
//	user, _ := find(email) // a zero user when there is none
//	ok, upgrade, err := hasher.Verify(ctx, user.PasswordHash, given)
//	if err != nil { return err }
//	if upgrade != "" { user.store(upgrade) }
//
// Hash refuses a new password that is among the 30,000 most frequent of breaches, in any
// case, and where [Config.Breaches] is given one that a k-anonymity range API knows.
// Passwords that are stored already are compared whatever they are.
//
// bcrypt reads 72 bytes and no more. Longer passwords are refused when hashed
// and never match when compared: software that cut them off made hashes that
// anything with the same beginning would open.
//
// # What it does not do
//
// It does not count attempts (that is package ratelimit) and does not normalise Unicode: é typed as one code point
// is not é typed as two. Where stored hashes are of another kind than the
// configured one, until they are upgraded an unknown user takes the time of
// the configured kind.
//
// # Bounds
//
// A password has 8 to 128 characters. At most [Config.MaxParallel] hashes are
// computed at a time, each in the memory its parameters ask for: 19 MiB by
// default. At most [Config.MaxQueue] more callers wait, until their context
// ends; beyond that the answer is [ErrBusy]. Parameters of stored hashes are
// bounded before any work: 256 MiB, 16 passes, 16 lanes, 1 GiB of memory
// times passes, bcrypt cost 16.
package password

import (
	"context"
	"net/http"
	"runtime"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/problem"
)

// Config is how passwords are hashed. The zero value is argon2id as OWASP
// recommends it.
type Config struct {
	// Algorithm is argon2id (the default) or bcrypt.
	Algorithm string `yaml:"algorithm"`
	// MemoryKiB is what one argon2id hash fills, in KiB. 0 is 19456 (19 MiB); at
	// most 262144. Memory times iterations is at least 35840, the least of the
	// OWASP recommendations.
	MemoryKiB int `yaml:"memory_kib"`
	// Iterations are the passes of argon2id over the memory. 0 is 2, at most 16.
	Iterations int `yaml:"iterations"`
	// Parallelism is the number of argon2id lanes. 0 is 1, at most 16.
	Parallelism int `yaml:"parallelism"`
	// BcryptCost is the binary logarithm of bcrypt's rounds. 0 is 12; 10 to 16.
	BcryptCost int `yaml:"bcrypt_cost"`
	// MaxParallel bounds the hashes computed at a time. 0 is one less than there are
	// processors, at least 1: that one answers everything else.
	MaxParallel int `yaml:"max_parallel"`
	// MaxQueue bounds the callers that wait for their turn. 0 is 1000.
	MaxQueue int `yaml:"max_queue"`
	// Breaches are asked about new passwords, besides the list of the 30,000 most frequent
	// that is part of the program. Nil asks nobody.
	Breaches *Breaches `yaml:"-"`
	// UnsafeAllowBreached takes any new password, however well it is known.
	UnsafeAllowBreached bool `yaml:"unsafe_allow_breached"`
}

// The length of a password, in characters.
const (
	MinLength = 8
	MaxLength = 128
)

// bcryptBytes is what bcrypt reads of a password.
const bcryptBytes = 72

// Refusals of a password or of the work. They are problems, so that a handler
// may return them as they are.
var (
	ErrLength error = problem.Public(http.StatusBadRequest, "The password must have 8 to 128 characters.", nil)
	ErrText   error = problem.Public(http.StatusBadRequest, "The password must be text in UTF-8 without NUL.", nil)
	ErrBcrypt error = problem.Public(http.StatusBadRequest, "The password must have at most 72 bytes.", nil)
	ErrBusy   error = &problem.Error{Status: http.StatusServiceUnavailable, Detail: "Too many logins at once. Try again in a moment.", Retry: time.Second}
)

// Hasher hashes and compares. It is safe for concurrent use.
type Hasher struct {
	params params // of new hashes
	decoy  stored // what unknown users are compared with

	slots   chan struct{}
	queue   int64
	waiting atomic.Int64

	breaches  *Breaches
	unchecked bool
}

// New checks the configuration.
func New(cfg Config) (*Hasher, error) {
	var faults fault.List
	fill := func(v *int, path string, standard, least, most int) {
		if *v == 0 {
			*v = standard
		}
		if *v < least || *v > most {
			faults.Addf(path, "leave it out for the default", "%d is not within %d and %d", *v, least, most)
		}
	}
	fill(&cfg.MemoryKiB, "memory_kib", 19456, 8, maxMemoryKiB)
	fill(&cfg.Iterations, "iterations", 2, 1, maxIterations)
	fill(&cfg.Parallelism, "parallelism", 1, 1, maxParallelism)
	fill(&cfg.BcryptCost, "bcrypt_cost", 12, 10, maxBcryptCost)
	fill(&cfg.MaxParallel, "max_parallel", max(1, runtime.GOMAXPROCS(0)-1), 1, 1024)
	fill(&cfg.MaxQueue, "max_queue", 1000, 1, 1_000_000)
	p := params{memory: uint32(cfg.MemoryKiB), iterations: uint32(cfg.Iterations), lanes: uint8(cfg.Parallelism)}
	switch cfg.Algorithm {
	case "", "argon2id":
		if cfg.MemoryKiB*cfg.Iterations < 35840 {
			faults.Addf("memory_kib", "leave both out for 19456 KiB and 2 iterations", "%d KiB with %d iterations is too little work", cfg.MemoryKiB, cfg.Iterations)
		}
		if !p.bounded() {
			faults.Addf("memory_kib", "at most 1 GiB of memory times iterations, and at least 8 KiB for each lane", "%d KiB with %d iterations and %d lanes is out of bounds", cfg.MemoryKiB, cfg.Iterations, cfg.Parallelism)
		}
	case "bcrypt":
		p = params{bcryptCost: cfg.BcryptCost}
	default:
		faults.Addf("algorithm", "argon2id or bcrypt", "%q is not known", cfg.Algorithm)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	h := &Hasher{params: p, queue: int64(cfg.MaxQueue), slots: make(chan struct{}, cfg.MaxParallel),
		breaches: cfg.Breaches, unchecked: cfg.UnsafeAllowBreached}
	h.decoy = p.decoy()
	return h, nil
}

// Hash returns the string to store for a new password: with argon2id
// `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`, with bcrypt `$2a$12$…`. It
// refuses the password with [ErrLength], [ErrText], [ErrBcrypt] or [ErrBreached], answers
// [ErrBusy] when too many wait, and the context's error when that ends first.
func (h *Hasher) Hash(ctx context.Context, password string) (string, error) {
	if n := utf8.RuneCountInString(password); n < MinLength || n > MaxLength {
		return "", ErrLength
	}
	if !text(password) {
		return "", ErrText
	}
	if h.params.bcryptCost != 0 && len(password) > bcryptBytes {
		return "", ErrBcrypt
	}
	if err := h.breached(ctx, password); err != nil {
		return "", err
	}
	if err := h.acquire(ctx); err != nil {
		return "", err
	}
	defer h.release()
	return h.params.hash(password)
}

// Verify reports whether the password is the one that was hashed. upgrade, when
// not empty, is a new hash of the same password to store in place of encoded,
// which is weaker than the configuration. An empty encoded stands for an
// unknown user: as much work, and never ok.
//
// The error is for faults only: encoded is malformed or out of bounds, too many
// wait ([ErrBusy]), the context ended. A wrong password is no error.
func (h *Hasher) Verify(ctx context.Context, encoded, password string) (ok bool, upgrade string, err error) {
	// What no hash can have been made of is wrong for every user alike, so that
	// the early answer tells nothing.
	if password == "" || len(password) > 4*MaxLength || utf8.RuneCountInString(password) > MaxLength || !text(password) {
		return false, "", nil
	}
	against := h.decoy
	if encoded != "" {
		if against, err = parse(encoded); err != nil {
			return false, "", err
		}
	}
	if err := h.acquire(ctx); err != nil {
		return false, "", err
	}
	defer h.release()
	if !against.matches(password) || encoded == "" {
		return false, "", nil
	}
	if against.weakerThan(h.params) && (h.params.bcryptCost == 0 || len(password) <= bcryptBytes) {
		// In the same slot: waiting for a second one could wait for ever.
		if upgrade, err = h.params.hash(password); err != nil {
			return false, "", err
		}
	}
	return true, upgrade, nil
}

// VerifyUnknown does the work of [Hasher.Verify] for a user that does not
// exist.
func (h *Hasher) VerifyUnknown(ctx context.Context, password string) error {
	_, _, err := h.Verify(ctx, "", password)
	return err
}

// text reports whether every implementation reads the password the same: some
// stop at NUL.
func text(password string) bool {
	for _, r := range password {
		if r == 0 {
			return false
		}
	}
	return utf8.ValidString(password)
}

// acquire waits for a slot.
func (h *Hasher) acquire(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
		return nil
	default:
	}
	if h.waiting.Add(1) > h.queue {
		h.waiting.Add(-1)
		return ErrBusy
	}
	defer h.waiting.Add(-1)
	select {
	case h.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (h *Hasher) release() { <-h.slots }
