// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/route"
)

const (
	maxReport  = 16 << 10
	maxReports = 50 // in one body
	// maxTold are the kinds of violations that are logged in an hour, and maxToldEach
	// those that one client may tell of first.
	maxTold     = 500
	maxToldEach = 50
	// wholeSample is how much of a script Chromium and Firefox report: a shorter text is
	// all of it, and has a hash.
	wholeSample = 40
)

var (
	// enforced are the directives that a browser reports.
	enforced = set("default-src", "script-src", "script-src-elem", "script-src-attr", "style-src", "style-src-elem", "style-src-attr", "img-src", "font-src",
		"connect-src", "media-src", "frame-src", "child-src", "worker-src", "manifest-src", "object-src", "base-uri", "form-action", "frame-ancestors",
		"sandbox", "require-trusted-types-for", "trusted-types")
	// keywords are what it says is blocked where that has no address.
	keywords = set("inline", "eval", "wasm-eval", "self", "data", "blob", "trusted-types-policy", "trusted-types-sink")
)

func set(names ...string) map[string]bool {
	all := map[string]bool{}
	for _, name := range names {
		all[name] = true
	}
	return all
}

// violation is what a browser reports.
type violation struct{ page, directive, blocked, from, sample string }

// report takes a request to Path.
func (l *Learner) report(r *http.Request, who uint64) {
	if r.Method != http.MethodPost || !l.limits.take(who, time.Now()) {
		return
	}
	typ, _, _ := strings.Cut(strings.ToLower(r.Header.Get("Content-Type")), ";")
	switch strings.TrimSpace(typ) {
	case "application/csp-report", "application/reports+json", "application/json":
	default:
		return
	}
	r.Header.Set("Content-Type", "application/json")
	reading, err := inspect.ReadBody(r, inspect.Options{MaxBytes: maxReport, Tree: true})
	if err != nil || reading.Tree == nil {
		return
	}
	defer reading.Close()
	for i, v := range violations(reading.Tree) {
		if i > 0 && !l.limits.take(who, time.Now()) {
			return
		}
		l.take(v, r.Host, who)
	}
}

// violations are those of a report, in the format of CSP Level 2 or of the Reporting
// API.
func violations(n *inspect.Node) (all []violation) {
	if old := n.Get("csp-report"); old != nil {
		directive := text(old, "effective-directive")
		if directive == "" {
			directive, _, _ = strings.Cut(text(old, "violated-directive"), " ")
		}
		return []violation{{text(old, "document-uri"), directive, text(old, "blocked-uri"), text(old, "source-file"), text(old, "script-sample")}}
	}
	for i, e := range n.Elems {
		if body := e.Get("body"); i < maxReports && body != nil && text(e, "type") == "csp-violation" {
			all = append(all, violation{text(body, "documentURL"), text(body, "effectiveDirective"), text(body, "blockedURL"), text(body, "sourceFile"), text(body, "sample")})
		}
	}
	return all
}

func text(n *inspect.Node, name string) string {
	if v := n.Get(name); v != nil && v.Kind == inspect.String {
		return v.Text
	}
	return ""
}

// take learns from a violation, or tells of it.
func (l *Learner) take(v violation, host string, who uint64) {
	page, err := url.Parse(v.page)
	if err != nil || extension(v.from) || extension(v.blocked) {
		return // of something in the browser
	}
	if !strings.EqualFold(page.Host, host) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.once(otherHost)
		return
	}
	key, err := route.KeyOf(page)
	if err != nil {
		return
	}
	if l.mode == panoply.EnforceCSP {
		l.tell(v, host, key.Path(), who, time.Now())
		return
	}
	if s, ok := v.source(host); ok {
		l.note(key.Path(), s, v.sample, who)
	}
}

// source is what the policy would need.
func (v violation) source(host string) (source, bool) {
	directive := strings.ToLower(v.directive)
	switch directive {
	case "script-src-elem":
		directive = "script-src"
	case "style-src-elem":
		directive = "style-src"
	case "script-src", "style-src", "script-src-attr", "style-src-attr", "img-src", "font-src", "connect-src", "media-src", "frame-src", "worker-src",
		"manifest-src", "child-src", "object-src", "form-action":
	case "base-uri":
		return source{"", "a <base> to another host, which base-uri refuses", "reported"}, true
	default:
		return source{}, false
	}
	script := strings.HasPrefix(directive, "script-src") || directive == "worker-src" || directive == "object-src"
	switch v.blocked {
	case "inline":
		switch {
		case len(v.sample) == 0 || strings.HasPrefix(v.sample, "javascript:"):
			return source{}, false
		case len(v.sample) >= wholeSample:
			return source{"", "an inline text for " + directive + " that only its beginning is known of", "inserted"}, true
		}
		sum := sha256.Sum256([]byte(v.sample))
		return source{directive, "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'", "inserted"}, true
	case "eval", "wasm-eval", "trusted-types-policy", "trusted-types-sink", "self":
		return source{"", v.blocked, "reported"}, true
	case "data", "blob":
		if script {
			return source{"", v.blocked + ":", "reported"}, true
		}
		return source{directive, v.blocked + ":", "reported"}, true
	}
	origin := originOf(v.blocked, host)
	if script {
		origin = scriptOf(v.blocked, host)
	}
	if origin == "" && directive == "object-src" && v.blocked != "" {
		origin = "'self'" // which the default refuses
	}
	return source{directive, origin, "loaded"}, origin != ""
}

// extension reports whether an address is one of a browser's own, or of an extension.
func extension(address string) bool {
	scheme, _, _ := strings.Cut(address, ":")
	return strings.HasSuffix(scheme, "-extension") || scheme == "about" || scheme == "chrome" || scheme == "resource" || scheme == "safari-resource"
}

// note notes that a client has seen a source on the pages of a path that were served.
func (l *Learner) note(path string, s source, sample string, who uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	place := l.seen.find(path)
	if place == nil {
		return
	}
	room, fresh := l.seen.note(place, s, sample, who)
	if !room {
		l.once(full)
	}
	if fresh {
		l.log.Debug("learned for the Content-Security-Policy", "path", path, "directive", s.directive, "source", s.value, "kind", s.kind)
		l.change()
	}
}

// tell logs a violation of the policy in force, each kind once an hour.
func (l *Learner) tell(v violation, host, path string, who uint64, now time.Time) {
	directive := strings.ToLower(v.directive)
	if !enforced[directive] {
		return
	}
	blocked := v.blocked
	if !keywords[blocked] {
		if blocked = originOf(v.blocked, host); blocked == "" {
			blocked = "self"
		}
	}
	kind := directive + " " + blocked + " " + path
	l.mu.Lock()
	if hour := now.Unix() / 3600; hour != l.hour {
		l.hour = hour
		clear(l.told)
		clear(l.tellers)
	}
	known := l.told[kind] || len(kind) > 1<<10
	if !known && (len(l.told) >= maxTold || l.tellers[who] >= maxToldEach) {
		l.once(untold)
		known = true
	}
	if !known {
		l.told[kind] = true
		l.tellers[who]++
	}
	l.mu.Unlock()
	if !known {
		l.log.Warn("a browser blocked what the Content-Security-Policy does not allow", slog.String("path", path),
			slog.String("directive", directive), slog.String("blocked", blocked))
	}
}

// hash is a client as a number that means nothing to others. An IPv6 address counts by
// what one customer has.
func (l *Learner) hash(client netip.Addr) uint64 {
	if client = client.Unmap(); client.Is6() {
		if p, err := client.Prefix(56); err == nil {
			client = p.Addr()
		}
	}
	b := append(l.secret[:len(l.secret):len(l.secret)], client.AsSlice()...)
	sum := sha256.Sum256(b)
	return binary.LittleEndian.Uint64(sum[:])
}

// limits are how many violations count in a minute: of a client, and of all. Clients share
// a fixed number of counters.
type limits struct {
	mu     sync.Mutex
	minute int64
	all    int
	each   [4096]uint16
}

const (
	reportsEach = 60
	reportsAll  = 3000
)

func (t *limits) take(who uint64, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if minute := now.Unix() / 60; minute != t.minute {
		t.minute, t.all = minute, 0
		clear(t.each[:])
	}
	n := &t.each[who%uint64(len(t.each))]
	if *n >= reportsEach || t.all >= reportsAll {
		return false
	}
	*n++
	t.all++
	return true
}
