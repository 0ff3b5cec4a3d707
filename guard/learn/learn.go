// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package learn finds out what a Content-Security-Policy has to allow for the pages of
// an app that has none, and writes it down for a person to review.
//
// # Threat
//
// A policy that blocks injected scripts blocks the app's own inline scripts as well,
// unless it knows them. So most apps have no policy, or one with 'unsafe-inline', which
// protects nothing.
//
// # What it does
//
// While it learns, pages pass unchanged. Of each, the hashes of its inline scripts and
// styles, event handlers and style attributes are noted, and the addresses of its external
// scripts and origins of its style sheets, for the page's path with what varies left open (/orders/{p1}). A
// Content-Security-Policy-Report-Only goes with it that allows what is known of the
// path so far, so that browsers report what a look at the page does not show: what
// scripts load or insert. Reports come to [Path]. All of it is written to a file that is
// part of a policy, with a comment on where each source was seen and how it begins.
//
// What fewer than Config.Clients clients were served, or reported, stands in the file as
// a comment alone: it may be the script that one of them injected. Nothing learned is
// ever enforced by itself: [Apply] reads the file when the policy says csp: enforce.
// Then reports of what is blocked are logged, each kind once.
//
// # What it does not do
//
// It cannot tell the app's script from one that was injected and served to many: the
// person who reviews the file has to, and the file shows how each begins. javascript:
// addresses and eval are named, and never allowed. Pages in a content coding or in
// UTF-16 are not looked at, nor those for which the app sends a policy of its own.
//
// # Bounds
//
// At most 500 paths of 200 sources each and 6,000 together, of which 60 bytes and 16
// clients are kept: 8 MiB together, and as much for the file, which is below the 2 MiB of a policy. The
// policy that goes with a page has 4 KiB; where more is known of it, it allows
// everything of a kind. Only a page that the app served with status 200 makes a
// path, and one client is the first to be served, or to report, no more than its share: that
// number divided by Config.Clients, so that fewer clients than that fill nothing and leave
// no segment of a path open. What finds no room is logged once. Of a page 5 MiB are
// looked at, and 2000 things in them. A report has at most 16 KiB; 60 violations a minute of one client count (IPv6
// by /56), and 3000 of all together; what goes beyond is dropped. In force, 500 kinds of
// violations are logged in an hour, 50 of one client. The file is written at most every
// ten seconds; nine of earlier processes are kept beside it, as file.1 to file.9.
package learn

import (
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/panoply-security/panoply"
)

// Path is where browsers send their reports. It never reaches the app.
const Path = "/.well-known/panoply/csp"

const (
	maxPage    = 5 << 20
	maxItems   = 2000 // of a page that count
	writeAfter = 10 * time.Second
	maxKept    = 9 // files of processes before
)

// Learner learns, or watches over what was learned.
type Learner struct {
	mode    panoply.CSPMode
	file    string
	clients int
	log     *slog.Logger
	secret  [16]byte
	limits  limits

	writes sync.WaitGroup // that are due or under way

	mu      sync.Mutex
	seen    tree
	hour    int64           // since then
	told    map[string]bool // these violations were logged,
	tellers map[uint64]int  // told of by these clients first
	logged  [len(warnings)]bool
	kept    bool        // what was proposed before this process
	pending *time.Timer // writes the file; nil when there is nothing to write
	closed  bool
}

// warnings are each logged once.
var warnings = [...]string{
	full:       "there is more for a Content-Security-Policy to allow than has room, or than one client may show: what was proposed is not all",
	unreadable: "pages come in a content coding, or in a charset that is not read, though plain text was asked for: nothing is learned of them",
	otherHost:  "browsers report from pages of another host than they send their reports to: a proxy in front that changes Host has them dropped",
	wide:       "more is known of a page than a header holds: its policy that reports allows more than was seen",
	untold:     "more violations of the Content-Security-Policy are reported than are logged in an hour",
}

const (
	full = iota
	unreadable
	otherHost
	untold
	wide
)

// once logs a warning if it was not yet. The caller holds the lock.
func (l *Learner) once(warning int) {
	if !l.logged[warning] {
		l.logged[warning] = true
		l.log.Warn(warnings[warning])
	}
}

// Client tells who sends a request, by the policy in force.
type Client func(*http.Request) netip.Addr

// New returns what the policy's csp section asks for, nil for nothing.
func New(p panoply.Policy, log *slog.Logger) *Learner {
	if p.CSP.Mode != panoply.Learn && p.CSP.Mode != panoply.EnforceCSP {
		return nil
	}
	l := &Learner{mode: p.CSP.Mode, file: p.File(p.CSP.File), clients: p.CSP.Clients, log: log,
		seen: tree{clients: p.CSP.Clients}, told: map[string]bool{}, tellers: map[uint64]int{}}
	rand.Read(l.secret[:])
	return l
}

// Handler answers reports before next.
func (l *Learner) Handler(client Client, next http.Handler) http.Handler {
	if l == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != Path {
			next.ServeHTTP(w, r)
			return
		}
		l.report(r, l.hash(client(r)))
		w.WriteHeader(http.StatusNoContent) // whatever came: an answer would tell somebody something
	})
}

// change has the file written, soon. The caller holds the lock.
func (l *Learner) change() {
	if l.pending == nil && !l.closed {
		l.writes.Add(1)
		l.pending = time.AfterFunc(writeAfter, l.write)
	}
}

// Close writes what was learned last.
func (l *Learner) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.closed = true // pages that still stream teach nothing
	pending := l.pending
	l.mu.Unlock()
	if pending != nil && pending.Stop() {
		l.write()
	}
	l.writes.Wait()
}

// write writes the file whole, so that nobody reads half of it.
func (l *Learner) write() {
	defer l.writes.Done()
	l.mu.Lock()
	places := l.seen.places()
	l.pending = nil
	kept := l.kept
	l.kept = true
	l.mu.Unlock()
	if err := writable(l.file); err != nil {
		l.log.Error("what was learned for the Content-Security-Policy is not written", "error", err)
		return
	}
	if !kept { // what a process has learned ends with it, and somebody may be reading
		if err := keep(l.file); err != nil {
			l.log.Warn("what was proposed before cannot be kept", "error", err)
		}
	}
	if err := replace(l.file, proposal(places, l.clients)); err != nil {
		l.log.Error("what was learned for the Content-Security-Policy cannot be written", "error", err)
		return
	}
	l.log.Info("a Content-Security-Policy is proposed: review it, then write csp: enforce", "file", l.file)
}

// keep renames a file to file.1, and what has that name to file.2, up to maxKept: as far
// as all of them are a learner's.
func keep(file string) error {
	for i := maxKept; i >= 0; i-- {
		from := file
		if i > 0 {
			from = fmt.Sprintf("%s.%d", file, i)
		}
		if err := writable(from); err != nil {
			return err
		}
		if i == maxKept {
			continue // it goes
		}
		if err := os.Rename(from, fmt.Sprintf("%s.%d", file, i+1)); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

func replace(file string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".csp-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
