// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/csp"
)

// maxApart are the sources of a place that are told of and not proposed.
const maxApart = 10

// maxScripts are the scripts of one host that are allowed one by one.
const maxScripts = 8

// wanted are the sources that a policy would have, by directive: those that so many
// clients have seen.
func (p *place) wanted(clients int) map[string][]string {
	all := map[string][]string{}
	scripts := map[string]int{} // by origin
	for _, s := range p.seen {
		if s.directive != "" && len(s.clients) >= clients {
			all[s.directive] = append(all[s.directive], s.value)
			scripts[s.directive+" "+originIn(s.value)]++
		}
	}
	for directive, list := range all {
		for i, value := range list {
			if origin := originIn(value); origin != "" && scripts[directive+" "+origin] > maxScripts {
				list[i] = origin
			}
		}
	}
	for _, list := range all {
		slices.Sort(list)
	}
	return all
}

// directives are the whole policy of a place: that of the headers' default, with what
// is wanted, and without what would make hashes of styles useless.
func (p *place) directives(clients int) map[string][]string {
	all := csp.Defaults().Directives()
	all["style-src"] = []string{"'self'"}
	want := p.wanted(clients)
	for name, sources := range want {
		base, there := all[name]
		if !there && !strings.HasSuffix(name, "-attr") {
			base = []string{"'self'"}
		}
		if there && slices.Equal(base, []string{"'none'"}) {
			base = nil
		}
		if strings.HasSuffix(name, "-attr") {
			base = []string{"'unsafe-hashes'"}
		}
		all[name] = slices.Clone(base)
		for _, value := range sources {
			if !slices.Contains(all[name], value) {
				all[name] = append(all[name], value)
			}
		}
	}
	if p.loads(clients) {
		all["script-src"] = append(all["script-src"], "'strict-dynamic'")
	}
	return all
}

// loads reports whether the page's own scripts load all the scripts that it has from
// elsewhere, by hash, so that trusting what they load says more than a list of hosts.
func (p *place) loads(clients int) bool {
	inline, loaded := false, false
	for _, s := range p.seen {
		switch {
		case s.directive != "script-src":
		case s.kind == kindScript, s.kind == kindParser:
			return false // 'strict-dynamic' would block it, or what it has the parser load
		case s.kind == "loaded":
			loaded = loaded || len(s.clients) >= clients
		default:
			inline = inline || len(s.clients) >= clients
		}
	}
	return inline && loaded
}

// maxHeader bounds the policy that goes with a page: proxies in front take 8 KiB or less of
// all headers together.
const maxHeader = 4 << 10

// reportOnly is the policy that goes with the pages of a place: it allows everything
// that is known of them, so that browsers report the rest. Where that is too long, it
// allows what enough clients have seen, and then everything of a kind; it is narrow no
// more.
func (p *place) reportOnly(clients int) (policy string, narrow bool) {
	if p.policy != "" {
		return p.policy, p.narrow
	}
	all := p.directives(0)
	p.policy, p.narrow = header(all), true
	if len(p.policy) > maxHeader {
		p.narrow = false
		if p.policy = header(p.directives(clients)); len(p.policy) > maxHeader {
			p.policy = header(widened(all))
		}
	}
	return p.policy, p.narrow
}

// widened are directives that allow everything of the kinds of which they allow many.
func widened(all map[string][]string) map[string][]string {
	for name, sources := range all {
		if len(sources) > 8 {
			all[name] = []string{"'self'", "https:", "http:", "data:", "'unsafe-inline'"}
		}
	}
	return all
}

// header is a policy that reports to Path.
func header(all map[string][]string) string {
	delete(all, csp.UpgradeInsecureRequests) // means nothing in a policy that only reports
	for _, name := range []string{"script-src", "style-src", "script-src-attr", "style-src-attr"} {
		if slices.Contains(all[name], "'none'") {
			delete(all, name) // a sample is wanted of what it blocks
		}
		if len(all[name]) > 0 {
			all[name] = append(all[name], "'report-sample'")
		}
	}
	all["report-uri"] = []string{Path}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(all)) {
		if b.Len() > 0 {
			b.WriteByte(';')
		}
		b.WriteString(strings.TrimSpace(name + " " + strings.Join(all[name], " ")))
	}
	return b.String()
}

// firstLine is how a file of a learner is known.
const firstLine = "# What a Content-Security-Policy has to allow for the pages of the app, as the guard has"

const preface = firstLine + `
# seen them. It is a part of a policy, and is enforced by nothing but the line
#
#     csp: enforce
#
# in the policy beside it. Before you write that, look at every hash below: is what
# stands beside it a script of yours? A script that an attacker had the app show to many
# is in this list, too. Where a whole host is allowed, any other script that it has is
# as well. While the guard learns, the file is written anew.
`

// proposal is the file.
func proposal(places []*place, clients int) []byte {
	var b bytes.Buffer
	b.WriteString(preface)
	if len(places) == 0 {
		b.WriteString("headers: {}\n")
		return b.Bytes()
	}
	b.WriteString("headers:\n  routes:\n")
	for _, p := range places {
		fmt.Fprintf(&b, "    - match: %s\n", quoted(p.pattern))
		apart := 0
		for _, s := range p.seen {
			line := ""
			switch {
			case s.directive == "":
				line = fmt.Sprintf("      # cannot be allowed: %s (%s)\n", s.value, s.told())
			case len(s.clients) < clients && s.value != "'self'":
				line = fmt.Sprintf("      # left out, seen by too few: %s %s (%s)\n", s.directive, s.value, s.told())
			}
			if line == "" {
				continue
			}
			if apart++; apart <= maxApart {
				b.WriteString(line)
			}
		}
		if apart > maxApart {
			fmt.Fprintf(&b, "      # and %d more that cannot be allowed, or were seen by too few\n", apart-maxApart)
		}
		b.WriteString("      content_security_policy:\n        directives:\n")
		all := p.directives(clients)
		for _, name := range slices.Sorted(maps.Keys(all)) {
			if base, _ := csp.Defaults().Get(name); slices.Equal(base, all[name]) {
				continue // holds where nothing else is said
			}
			fmt.Fprintf(&b, "          %s:\n", name)
			for _, value := range all[name] {
				fmt.Fprintf(&b, "            - %s", quoted(value))
				if told := p.told(name, value); told != "" {
					b.WriteString(" # " + told)
				}
				b.WriteByte('\n')
			}
		}
	}
	return b.Bytes()
}

// originIn is the origin in a source of a policy, "" where it has none.
func originIn(value string) string {
	if strings.HasPrefix(value, "'") || strings.HasSuffix(value, ":") {
		return ""
	}
	from := 0
	if i := strings.Index(value, "://"); i >= 0 {
		from = i + len("://")
	}
	if i := strings.IndexByte(value[from:], '/'); i >= 0 {
		return value[:from+i]
	}
	return value
}

// told is what a person has to know of a source that is proposed, "" where it is one of
// the default.
func (p *place) told(directive, value string) string {
	origin := originIn(value)
	whole := ""
	if directive == "script-src" && origin != "" && origin == value {
		whole = "ANY script of that host: "
	}
	if directive == "script-src" && origin != "" && strings.HasSuffix(value, "/") {
		whole = "ANY script below it: "
	}
	if s := p.find(directive, value); s != nil {
		return whole + s.told()
	}
	if whole != "" {
		return fmt.Sprintf("%smore than %d were seen", whole, maxScripts)
	}
	return ""
}

// told is what a person has to know of a source.
func (s *sighting) told() string {
	more := ""
	if len(s.clients) == maxClients {
		more = " or more"
	}
	text := fmt.Sprintf("%s, seen %dx by %d%s", s.kind, s.count, len(s.clients), more)
	if s.kind == "inserted" && s.directive != "" {
		text += ", known without the white space around it"
	}
	if s.sample != "" && s.kind != kindScript && s.kind != "style sheet" && s.kind != "loaded" {
		text += ": " + strconv.QuoteToASCII(strings.ToValidUTF8(s.sample, "\ufffd"))
	}
	return text
}

// quoted is a text in YAML.
func quoted(s string) string {
	b, _ := json.Marshal(s)
	return string(b)
}
