// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package remedy

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/audit/checks"
	"github.com/panoply-security/panoply/rule"
)

// Bounds of what is written: a policy that is larger is refused, so of the rules
// that would make it so the routes are only named.
const (
	maxSingle = 60     // limits before those that say the same are put together, of the 256 that there may be
	maxTokens = 36_000 // of YAML, in all sections of rules, where a policy may have 50,000
	maxNamed  = 1_000  // routes that are named in comments of a section
)

// writer writes the sections of a policy.
type writer struct {
	bytes.Buffer
	tokens int
}

// ruled is what a policy says of a route: notes before the rule, its name if it has
// one, and the rest but for its match.
type ruled struct {
	notes []string
	name  string
	body  string
}

// group are the routes that a rule is for, each with the place that asks for it.
type group struct {
	ruled
	patterns, at []string
}

// tokens is about how many tokens of YAML a rule has, rather more than less.
func (g *group) tokens() int {
	n := 8 + 4*len(g.patterns)
	for _, c := range []byte(g.body) {
		if strings.IndexByte("{}[],:", c) >= 0 {
			n += 2
		}
	}
	return n
}

// section writes the rules of a section, each route once.
func (w *writer) section(head string, needs []checks.Need, of rule.ID, write func(n checks.Need) *ruled) {
	var groups []*group
	var skipped []string
	known := map[string]bool{}
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
			if s := fmt.Sprintf("# not written, as its path is not known: %s, %s", comment(short(name)), place(n.At)); !slices.Contains(skipped, s) {
				skipped = append(skipped, s)
			}
			continue
		}
		if known[p] {
			continue
		}
		known[p] = true
		if r := write(n); r != nil {
			groups = append(groups, &group{*r, []string{p}, []string{place(n.At)}})
		} else {
			skipped = append(skipped, fmt.Sprintf("# %s, %s: write a schema for it", p, place(n.At)))
		}
	}
	if of == rule.RateLimitNone && len(groups) > maxSingle {
		groups = together(groups)
	}
	var lines []string
	for i, g := range groups {
		if w.tokens+g.tokens() > maxTokens {
			for j, p := range g.patterns {
				skipped = append(skipped, fmt.Sprintf("# %s, %s: not written, as the policy would be too large", p, g.at[j]))
			}
			continue
		}
		w.tokens += g.tokens()
		lines = append(lines, g.lines(i+1)...)
	}
	if len(lines) > 0 {
		fmt.Fprintf(w, "\n%s\n%s\n", head, strings.Join(lines, "\n"))
	}
	if len(skipped) > maxNamed {
		skipped = append(skipped[:maxNamed], fmt.Sprintf("# and %d more", len(skipped)-maxNamed))
	}
	if len(skipped) > 0 {
		fmt.Fprintf(w, "\n%s\n", strings.Join(skipped, "\n"))
	}
}

// together puts the routes together of which rules say the same.
func together(groups []*group) (out []*group) {
	by := map[string]*group{}
	for _, g := range groups {
		key := g.name + "\n" + g.body + "\n" + strings.Join(g.notes, "\n")
		if first := by[key]; first != nil {
			first.patterns, first.at = append(first.patterns, g.patterns...), append(first.at, g.at...)
			continue
		}
		by[key] = g
		out = append(out, g)
	}
	return out
}

// lines are a rule, with its number in its name.
func (g *group) lines(number int) (lines []string) {
	name := ""
	if g.name != "" {
		name = fmt.Sprintf("name: %s-%d", g.name, number)
	}
	if len(g.patterns) == 1 {
		if name != "" {
			name += ", "
		}
		lines = append(lines, "    # asked for by "+g.at[0])
		lines = append(lines, g.notes...)
		return append(lines, fmt.Sprintf("    - {%smatch: %q, %s}", name, g.patterns[0], g.body))
	}
	lines = append(lines, g.notes...)
	lines = append(lines, "    - "+name, "      match:")
	for i, p := range g.patterns {
		lines = append(lines, fmt.Sprintf("        - %q # asked for by %s", p, g.at[i]))
	}
	for _, field := range fieldsOfFlow(g.body) {
		lines = append(lines, "      "+field)
	}
	return lines
}

// fieldsOfFlow are the fields of a flow mapping without its braces.
func fieldsOfFlow(s string) (fields []string) {
	depth, quoted, start := 0, false, 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case c == ',' && depth == 0:
			fields = append(fields, strings.TrimSpace(s[start:i]))
			start = i + 1
		}
	}
	return append(fields, strings.TrimSpace(s[start:]))
}

// short is a name of which too much is cut off.
func short(s string) string {
	if len(s) > 300 {
		return strings.ToValidUTF8(s[:300], "") + "…"
	}
	return s
}

func (w *writer) limits(needs []checks.Need) {
	w.section("rate_limits:\n  rules:", needs, rule.RateLimitNone, func(n checks.Need) *ruled {
		if n.Field == "login" {
			return &ruled{name: "login", body: `limit: 5, window: 15m, count: failures, key: [ip], message: "Too many login attempts. Try again in 15 minutes."`}
		}
		return &ruled{name: "costly", body: "limit: 60, window: 15m, key: [ip]"}
	})
}

// maxUpload is the greatest limit of an app's own that a policy takes over, and
// the greatest that one may have: what is above limits nothing.
const maxUpload = 1 << 30

func (w *writer) uploads(needs []checks.Need) {
	w.section("uploads:\n  rules:", needs, rule.UploadType, func(n checks.Need) *ruled {
		size := "5MB"
		if n.Bytes >= 1 && n.Bytes <= maxUpload {
			size = fmt.Sprintf("%.0f", n.Bytes)
		}
		return &ruled{body: fmt.Sprintf("max_file_bytes: %s, max_files: %d, types: [image/jpeg, image/png, image/webp, application/pdf]", size, max(1, min(n.Files, 100)))}
	})
}
