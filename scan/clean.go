// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

// deleteAccounts deletes the accounts that were made, where the app lets it, and lists
// the rest. Nothing is deleted that did not show itself to be such an account and
// nothing else, and nothing counts as deleted that can still be read.
func (s *scan) deleteAccounts(ctx context.Context) {
	r := s.app.signup
	if r == nil {
		return
	}
	for len(r.made) > r.deleted {
		if !s.deleteAccount(ctx, r, r.made[r.deleted]) {
			return // what does not work for one works for none
		}
		r.deleted++
	}
	s.say("deleted the %d accounts that it made", r.deleted)
}

// listAccounts tells of the accounts that are left.
func (s *scan) listAccounts() {
	if s.app == nil || s.app.signup == nil {
		return
	}
	if r := s.app.signup; len(r.made) > r.deleted {
		s.left("%d accounts whose address begins with %s, at POST %s", len(r.made)-r.deleted, s.marker, r.path)
	}
}

func (s *scan) deleteAccount(ctx context.Context, r *signup, u *account) bool {
	if !u.in && s.app.login != nil {
		s.signIn(ctx, s.app.login, u)
	}
	// Who may: the account itself, whoever made it, or anybody.
	who := []*account{u}
	if r.as != nil {
		who = append(who, r.as)
	}
	for _, path := range []string{s.placeOf(r, u), s.app.me} {
		for _, by := range who {
			if path == "" || path == s.app.me && by != u {
				continue
			}
			if s.deleteAt(ctx, path, by, u) {
				return true
			}
		}
	}
	return false
}

// deleteAt deletes the account at a path that shows it and no other.
func (s *scan) deleteAt(ctx context.Context, path string, by, u *account) bool {
	ask := func(method string) answer {
		return s.client.do(ctx, by.as(request{method: method, target: path, provoked: true}))
	}
	if shown := ask(http.MethodGet); !shown.ok() || !u.alone(shown.content) {
		return false
	}
	if !ask(http.MethodDelete).ok() {
		return false
	}
	switch again := ask(http.MethodGet); {
	case again.err != nil:
		return false
	case again.status == http.StatusNotFound || again.status == http.StatusGone:
		return true
	case again.status == http.StatusUnauthorized || again.status == http.StatusForbidden:
		// The account is gone, or no more than its session.
		return by == u && s.app.login != nil && !s.signIn(ctx, s.app.login, u)
	default:
		return again.ok() && !u.shownIn(again.content)
	}
}

// idLike is the last part of a path that names one thing and not a kind of things.
var idLike = regexp.MustCompile(`^([0-9]+|[0-9a-fA-F]{8,}|[0-9a-fA-F-]{32,36}|[0-9A-Za-z_-]{20,})$`)

// placeOf is where a new account is by its answer's Location, or by its id below the
// path that made it. It is empty if it is not the app's own, or names no single thing.
func (s *scan) placeOf(r *signup, u *account) string {
	below := func(path string) bool {
		path, last := path[:strings.LastIndexByte(path, '/')+1], path[strings.LastIndexByte(path, '/')+1:]
		return path != "" && (idLike.MatchString(last) || strings.Contains(last, s.marker)) && !staysAway.MatchString(path)
	}
	if text := u.created.header.Get("Location"); text != "" {
		to, err := u.created.from().Parse(text)
		if err == nil && to.Host == s.client.base.Host && to.Scheme == s.client.base.Scheme && below(to.EscapedPath()) {
			return to.EscapedPath()
		}
	}
	id := ""
	walk(u.created.content, func(key string, v any) {
		if id != "" || key != "id" && key != "_id" && key != "uuid" && key != "userId" && key != "user_id" {
			return
		}
		switch v := v.(type) {
		case string:
			id = v
		case float64:
			if text, err := json.Marshal(v); err == nil {
				id = string(text)
			}
		}
	})
	if path := strings.TrimSuffix(r.path, "/") + "/" + url.PathEscape(id); id != "" && below(path) {
		return path
	}
	return ""
}

// alone reports whether a JSON answer is about the account and no other: it has the
// account's address or name, not in a list, and nobody else's address.
func (u *account) alone(content []byte) bool {
	var v any
	if json.Unmarshal(content, &v) != nil {
		return false
	}
	found, others := false, false
	var step func(v any, listed bool)
	step = func(v any, listed bool) {
		switch v := v.(type) {
		case map[string]any:
			for _, member := range v {
				step(member, listed)
			}
		case []any:
			for _, member := range v {
				step(member, true)
			}
		case string:
			own := v == u.email || v == u.login("username")
			found = found || own && !listed
			others = others || own && listed || !own && strings.Contains(v, "@")
		}
	}
	step(v, false)
	return found && !others
}

// shownIn reports whether an answer shows the account.
func (u *account) shownIn(content []byte) bool {
	return bytes.Contains(content, []byte(u.login("username")))
}

// cleanUp deletes what was uploaded, where the app lets it, and lists the rest.
func (s *scan) cleanUp(ctx context.Context, st *store) {
	var rest []string
	left, refused := 0, false
	for _, k := range st.kept {
		if !refused && s.deleteFile(ctx, k) {
			continue
		}
		refused = true
		if left++; k.path != "" {
			rest = append(rest, k.path)
		}
	}
	if left > 0 {
		s.left("%d files uploaded at POST %s: %s", left, st.path, clip(strings.Join(rest, " "), 1000))
	}
}

// deleteFile deletes a file that is at its path and is the one that was uploaded.
func (s *scan) deleteFile(ctx context.Context, k kept) bool {
	if k.path == "" {
		return false
	}
	ask := func(method string) answer {
		return s.client.do(ctx, s.app.user.as(request{method: method, target: k.path, provoked: true}))
	}
	own := func(a answer) bool {
		return a.ok() && len(a.content) > 0 && bytes.HasPrefix(k.content, a.content) && (a.cut || len(a.content) == len(k.content))
	}
	if !own(ask(http.MethodGet)) || !ask(http.MethodDelete).ok() {
		return false
	}
	again := ask(http.MethodGet)
	return again.err == nil && again.status < 500 && !own(again)
}
