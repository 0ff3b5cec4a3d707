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

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Write writes the policy.
func Write(w io.Writer, p *model.Program, findings []finding.Finding, needs []checks.Need) error {
	var b bytes.Buffer
	fmt.Fprint(&b, "# What panoply audit found in the source of this app, closed in front of it.\n")
	fmt.Fprint(&b, "# Everything that is not written here has the defaults of the strict profile.\n")
	fmt.Fprint(&b, "upstream: http://127.0.0.1:3000 # where the app listens\n")
	always(&b, findings, needs)
	origins(&b, needs)
	limits(&b, needs)
	bodies(&b, needs)
	uploads(&b, needs)
	stringFields(&b, needs)
	tokens(&b, findings)
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
			except = fmt.Sprintf(", except: [%s]", strings.Join(names, ", "))
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
		return err == nil && u.Host != "" && u.Path == "" && u.RawQuery == "" && !strings.ContainsAny(s, "\"\\*")
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

// pattern is a route as a policy writes it; ok is false for paths that are
// patterns of another kind, or not known.
func pattern(r *model.Route) (string, bool) {
	if r == nil || r.Path == "?" || strings.ContainsAny(r.Path, "?*()^+{}\\ \"'%#") || !strings.HasPrefix(r.Path, "/") {
		return "", false
	}
	parts := strings.Split(r.Path, "/")
	for i, s := range parts {
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

// section writes the rules of a section, each once.
func section(b *bytes.Buffer, head string, needs []checks.Need, of rule.ID, line func(n checks.Need, pattern string) []string) {
	var rules, skipped []string
	var seen []string
	for _, n := range needs {
		if n.Rule != of {
			continue
		}
		p, ok := pattern(n.Route)
		if !ok {
			name := "a function that no route was found to"
			if n.Route != nil && n.Route.Path != "?" {
				name = n.Route.Name()
			}
			if s := fmt.Sprintf("# not written, as its path is not known: %s, %s", comment(name), place(n.At)); !slices.Contains(skipped, s) {
				skipped = append(skipped, s)
			}
			continue
		}
		if slices.Contains(seen, p) {
			continue
		}
		seen = append(seen, p)
		lines := line(n, p)
		if lines == nil {
			skipped = append(skipped, fmt.Sprintf("# %s, %s: write a schema for it", p, place(n.At)))
			continue
		}
		rules = append(rules, "    # asked for by "+place(n.At))
		rules = append(rules, lines...)
	}
	if len(rules) > 0 {
		fmt.Fprintf(b, "\n%s\n%s\n", head, strings.Join(rules, "\n"))
	}
	if len(skipped) > 0 {
		fmt.Fprintf(b, "\n%s\n", strings.Join(skipped, "\n"))
	}
}

func limits(b *bytes.Buffer, needs []checks.Need) {
	n := 0
	section(b, "rate_limits:\n  rules:", needs, rule.RateLimitNone, func(need checks.Need, p string) []string {
		n++
		if need.Field == "login" {
			return []string{fmt.Sprintf(`    - {name: login-%d, match: %q, limit: 5, window: 15m, count: failures, key: [ip], message: "Too many login attempts. Try again in 15 minutes."}`, n, p)}
		}
		return []string{fmt.Sprintf(`    - {name: costly-%d, match: %q, limit: 60, window: 15m, key: [ip]}`, n, p)}
	})
}

// maxUpload is the greatest limit of an app's own that a policy takes over, and
// the greatest that one may have: what is above limits nothing.
const maxUpload = 1 << 30

func uploads(b *bytes.Buffer, needs []checks.Need) {
	section(b, "uploads:\n  rules:", needs, rule.UploadType, func(n checks.Need, p string) []string {
		size := "5MB"
		if n.Bytes >= 1 && n.Bytes <= maxUpload {
			size = fmt.Sprintf("%.0f", n.Bytes)
		}
		return []string{fmt.Sprintf("    - {match: %q, max_file_bytes: %s, max_files: %d, types: [image/jpeg, image/png, image/webp, application/pdf]}", p, size, max(1, min(n.Files, 100)))}
	})
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
		fmt.Fprintf(b, "\n# asked for by %s\nnosql: {strings: [%s]}\n", strings.Join(at[:min(len(at), 5)], ", "), strings.Join(fields, ", "))
	}
}

// plain says whether a name needs no quotes anywhere.
func plain(s string) bool {
	return s != "" && len(s) < 100 && !strings.ContainsFunc(s, func(c rune) bool {
		return c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z')
	})
}

// tokens only proposes: a key has to be made first.
func tokens(b *bytes.Buffer, findings []finding.Finding) {
	if at := places(findings, func(f finding.Finding) bool { return strings.HasPrefix(string(f.Rule), "token/") }); at != "" {
		fmt.Fprintf(b, "\n# asked for by %s\n# tokens are issued anew, signed with a key of the guard's and with an end, once it has one:\n", at)
		fmt.Fprint(b, "# export PANOPLY_TOKEN_KEY=$(openssl rand -base64 48)\n# tokens: [{match: \"/\", reissue: {key_env: PANOPLY_TOKEN_KEY, lifetime: 1h}}]\n")
	}
}
