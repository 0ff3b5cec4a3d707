// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package remedy writes a policy for the guard out of what an audit found: what
// the app's source leaves open is closed in front of it, on the routes that it
// has, until the source is mended.
//
// Each rule carries the place that asks for it. What no rule can be written for,
// such as a route whose path is made while the app runs, is named in a comment.
package remedy

import (
	"bytes"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Write writes the policy.
func Write(w io.Writer, p *model.Program, findings []finding.Finding, needs []checks.Need) error {
	b := &writer{}
	fmt.Fprint(b, "# What panoply audit found in the source of this app, closed in front of it.\n")
	fmt.Fprint(b, "# Everything that is not written here has the defaults of the strict profile.\n")
	fmt.Fprint(b, "upstream: http://127.0.0.1:3000 # where the app listens\n")
	always(&b.Buffer, findings, needs)
	origins(&b.Buffer, needs)
	b.limits(needs)
	b.bodies(needs)
	b.uploads(needs)
	stringFields(&b.Buffer, needs)
	tokens(&b.Buffer, findings)
	proxies(&b.Buffer, findings)
	_, err := w.Write(b.Bytes())
	return err
}

// always writes the sections whose defaults close what was found.
func always(b *bytes.Buffer, findings []finding.Finding, needs []checks.Need) {
	for _, s := range []struct {
		mistake int
		text    string
	}{
		{1, "headers: {mode: enforce}"},
		{4, "errors: {scrub: true}"},
	} {
		if place := places(findings, func(f finding.Finding) bool { return f.Mistake == s.mistake }); place != "" {
			fmt.Fprintf(b, "\n# asked for by %s\n%s\n", place, s.text)
		}
	}
	if place := places(findings, func(f finding.Finding) bool { return strings.HasPrefix(string(f.Rule), "session/") }); place != "" {
		except := ""
		if names := fields(needs, rule.SessionCookieHTTPOnly, plain); len(names) > 0 {
			// No session's, and without HttpOnly: scripts may read them.
			except = fmt.Sprintf(", except: [%s]", words(names))
		}
		fmt.Fprintf(b, "\n# asked for by %s\ncookies: {secure: true, http_only: true, same_site: Strict, max_age: 1h%s}\n", place, except)
	}
}

// fields are the names that needs of a rule are about, each once.
func fields(needs []checks.Need, of rule.ID, good func(string) bool) (names []string) {
	for _, n := range needs {
		if n.Rule == of && good(n.Field) && !slices.Contains(names, n.Field) {
			names = append(names, n.Field)
		}
	}
	return names
}

// origins are the front ends that the app itself lets read its answers.
func origins(b *bytes.Buffer, needs []checks.Need) {
	names := fields(needs, rule.HeadersCORSCredentials, func(s string) bool {
		u, err := url.Parse(s)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.User == nil && u.Path == "" && !strings.ContainsAny(s, "?#\"\\*")
	})
	if len(names) > 0 {
		fmt.Fprintf(b, "\n# front ends that the app names\ncors: {origins: [\"%s\"]}\n", strings.Join(names, `", "`))
	}
}

// places are the first places of some findings.
func places(findings []finding.Finding, want func(finding.Finding) bool) string {
	var at []string
	n := 0
	for _, f := range findings {
		if want(f) {
			if n++; n <= 3 {
				at = append(at, fmt.Sprintf("%s:%d (%s)", comment(f.Location.File), f.Location.Line, f.Rule))
			}
		}
	}
	if n > 3 {
		at = append(at, fmt.Sprintf("%d more", n-3))
	}
	return strings.Join(at, ", ")
}

// comment is text of the app's that is safe in a comment: names of files may
// hold line breaks.
func comment(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 {
			return '?'
		}
		return r
	}, s)
}

func place(s model.Site) string {
	line, _ := s.Line()
	return fmt.Sprintf("%s:%d", comment(s.Path()), line)
}

// maxPath is the longest path that a policy is given, in bytes.
const maxPath = 2000

// pattern is a route as a policy writes it; ok is false for paths that are
// patterns of another kind, or not known.
func pattern(r *model.Route) (string, bool) {
	if r == nil || r.Path == "?" || strings.ContainsAny(r.Path, "?*()^+{}\\ \"'%#") || strings.ContainsFunc(r.Path, unicode.IsControl) || len(r.Path) > maxPath || !strings.HasPrefix(r.Path, "/") {
		return "", false
	}
	parts := strings.Split(r.Path, "/")
	for i, s := range parts {
		if s == "" && i > 0 && i < len(parts)-1 || s == "." || s == ".." {
			return "", false
		}
		if !strings.HasPrefix(s, ":") {
			if strings.Contains(s, ":") {
				return "", false
			}
			continue
		}
		name := s[1:]
		if name == "" || strings.ContainsFunc(name, func(c rune) bool {
			return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
		}) || slices.Contains(parts[:i], "{"+name+"}") {
			return "", false
		}
		parts[i] = "{" + name + "}"
	}
	path := strings.Join(parts, "/")
	switch r.Method {
	case "ALL", "USE", "?":
		return path, true
	}
	return r.Method + " " + path, true
}

func stringFields(b *bytes.Buffer, needs []checks.Need) {
	var fields, at []string
	for _, n := range needs {
		if n.Rule != rule.NoSQLOperator || !plain(n.Field) {
			continue
		}
		if !slices.Contains(fields, n.Field) {
			fields = append(fields, n.Field)
			at = append(at, place(n.At))
		}
	}
	if len(fields) > 0 {
		fmt.Fprintf(b, "\n# asked for by %s\nnosql: {strings: [%s]}\n", strings.Join(at[:min(len(at), 5)], ", "), words(fields))
	}
}

// tokens only proposes: a key has to be made first.
func tokens(b *bytes.Buffer, findings []finding.Finding) {
	if at := places(findings, func(f finding.Finding) bool { return strings.HasPrefix(string(f.Rule), "token/") }); at != "" {
		fmt.Fprintf(b, "\n# asked for by %s\n# tokens are issued anew, signed with a key of the guard's and with an end, once it has one:\n", at)
		fmt.Fprint(b, "# export PANOPLY_TOKEN_KEY=$(openssl rand -base64 48)\n# tokens: [{match: \"/\", reissue: {key_env: PANOPLY_TOKEN_KEY, lifetime: 1h}}]\n")
	}
}

// proxies only asks: whom the guard may believe is not in the source.
func proxies(b *bytes.Buffer, findings []finding.Finding) {
	if at := places(findings, func(f finding.Finding) bool { return f.Rule == rule.RateLimitSpoofed }); at != "" {
		fmt.Fprintf(b, "\n# asked for by %s\n# the guard believes no X-Forwarded-For but that of the proxies before it, which it has to be told of:\n# trusted_proxies: [10.0.0.0/8]\n", at)
	}
}
