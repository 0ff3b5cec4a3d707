// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply/rule"
)

// write writes the page.
func write(w io.Writer, marks []mark, results []result, now time.Time) {
	day := now.UTC().Format(time.DateOnly)
	fmt.Fprintf(w, intro, day, len(marks), countApps(marks))
	fmt.Fprint(w, "| mistake | marks |")
	for _, r := range results {
		fmt.Fprintf(w, " %s |", r.tool)
	}
	fmt.Fprint(w, "\n|---|---|"+strings.Repeat("---|", len(results))+"\n")
	tallies := make([][8]tally, len(results))
	for i, r := range results {
		tallies[i] = score(marks, r.findings, r.claims)
	}
	var all [8]int
	for _, m := range marks {
		all[mistake(m.rule)]++
	}
	for n, m := range rule.Mistakes {
		fmt.Fprintf(w, "| %d %s | %d |", m.Number, m.Name, all[n+1])
		for i, r := range results {
			fmt.Fprintf(w, " %s |", cell(tallies[i][n+1], r.err))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintf(w, "| all | %d |", len(marks))
	for i, r := range results {
		fmt.Fprintf(w, " %s |", cell(sum(tallies[i]), r.err))
	}
	fmt.Fprint(w, "\n\n| tool | version and settings | seconds by the clock | on the processors |\n|---|---|---|---|\n")
	for _, r := range results {
		if r.err != nil {
			fmt.Fprintf(w, "| %s | %s | not run on %s: %v | |\n", r.tool, r.note, day, r.err)
			continue
		}
		fmt.Fprintf(w, "| %s | %s | %.1f | %.1f |\n", r.tool, r.note, r.wall.Seconds(), r.cpu.Seconds())
	}
	fmt.Fprint(w, rules)
	for _, r := range results[1:] {
		writeRules(w, r)
	}
	fmt.Fprint(w, honest)
	writeUnclaimed(w, marks, results[1:])
}

func cell(t tally, err error) string {
	if err != nil {
		return "not run"
	}
	return fmt.Sprintf("%d / %d / %d", t.found, t.missed, t.false)
}

func sum(ts [8]tally) (s tally) {
	for _, t := range ts {
		s.found, s.missed, s.false = s.found+t.found, s.missed+t.missed, s.false+t.false
	}
	return s
}

func countApps(marks []mark) int {
	names := map[string]bool{}
	for _, m := range marks {
		app, _, _ := strings.Cut(m.path, "/")
		names[app] = true
	}
	return len(names)
}

// writeRules lists the rules that reported something, and what each was taken for.
func writeRules(w io.Writer, r result) {
	n := map[string]int{}
	for _, f := range r.findings {
		n[f.rule]++
	}
	for _, id := range slices.Sorted(maps.Keys(n)) {
		taken := "none of the seven: not counted"
		if len(r.claims[id]) > 0 {
			taken = join(r.claims[id])
		}
		fmt.Fprintf(w, "| %s | %s | %d | %s |\n", r.tool, id, n[id], taken)
	}
}

// writeUnclaimed lists the marks whose rule no peer that was run claims to find.
func writeUnclaimed(w io.Writer, marks []mark, peers []result) {
	claimed := map[rule.ID]bool{}
	for _, r := range peers {
		for _, ids := range r.claims {
			for _, id := range ids {
				claimed[id] = claimed[id] || r.err == nil
			}
		}
	}
	unclaimed, total, assignments := map[rule.ID]int{}, 0, 0
	for _, m := range marks {
		if m.rule == "validate/mass-assignment" && claimed[m.rule] {
			assignments++
		}
		if !claimed[m.rule] {
			unclaimed[m.rule]++
			total++
		}
	}
	fmt.Fprintf(w, "%d of the %d marks are of rules that no peer which was run claims to find. Mass assignment, %d\nmore, is claimed only in that eslint-plugin-security's rule for elements by a computed name is taken for it, in doubt:\n\n| rule | marks |\n|---|---|\n", total, len(marks), assignments)
	for _, id := range slices.Sorted(maps.Keys(unclaimed)) {
		fmt.Fprintf(w, "| %s | %d |\n", id, unclaimed[id])
	}
}

func join(ids []rule.ID) string {
	var s []string
	for _, id := range ids {
		s = append(s, string(id))
	}
	return strings.Join(s, ", ")
}

const intro = `# The audit beside its peers

What other analysers of JavaScript find in the apps that the audit's tests are held to (audit/testdata/apps). Made by
` + "`go run ./peers -o ../docs/audit-peers.md`" + ` in bench, on %s; not edited by hand. There are %d marks in %d apps; the
others are negatives as a whole. Each cell is: marks found / missed / false findings.

**Read with care: the apps were written for Panoply's tests, so this table flatters Panoply.** See the end of the page.

`

const rules = `
Panoply starts once per app, the others once for all of them; installing and building are not counted, and the machine was
shared: compare orders of magnitude.

## What counts

- A mark is a line and the rule that it breaks. A peer's finding counts for it if the finding's lines, one before and one
  after included, have it, and the peer's rule may be meant for that rule (the table below; in doubt, it is). A finding that
  covers a function, as njsscan's do from a require to what is wrong, counts for every such mark inside. A notice about a whole app counts for
  every such mark of the app, in whichever file. Panoply is held to the same.
- A finding is false if there is no mark of any rule on its lines, one before or one after. What a rule says twice of a
  line counts once. Notices about an app as a whole are one per mistake, and false if the app has no mark of that mistake.
  What lies beside a mark of another rule is neither found nor false.
- Rules about something other than the seven mistakes are not counted, for or against.

What the peers reported, and what it was taken for:

| tool | rule | findings | may be meant for |
|---|---|---|---|
`

const honest = `
## What this does not say

The apps are the audit's own tests: small, one per idiom, written together with its rules until every mark was found and nothing else. That
Panoply has them all is the condition under which it is released, not a measurement. A false finding is false by our marks: some are
advice that a reviewer would take (a session without maxAge, an element by a computed name). Nearly
all apps use Helmet, but in forms that njsscan's notices do not look for or in files that it does not read: most of its
false notices about headers. Those about limits are of apps whose routes need no limiter by our rules, or have one. Nor is
every mark found one that was understood: a notice that an app has no limiter counts for each marked route.

None of the peers sets out to cover the seven mistakes: eslint-plugin-security is a linter of single expressions, njsscan looks for injection, secrets and settings in many
kinds of Node.js programs and, by default, reads no TypeScript and no .mjs. Both find things that Panoply does not look for
(commands, templates, redirects, regular expressions, XML). How the audit does on apps that it was not written for is in
[audit-study.md](audit-study.md).

`
