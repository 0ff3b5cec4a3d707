// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package dashboard renders the operator's page of the guard: what is on, what was
// refused lately and why, and how to let pass what was refused by mistake.
//
// It is one page of HTML with one style sheet, which its Content-Security-Policy allows
// by its hash, and nothing else: no script, no image, no request to anywhere. What clients
// sent stands in it as text.
package dashboard

import (
	"cmp"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"io"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/clientip"
	"github.com/panoply-security/panoply/guard/history"
	"github.com/panoply-security/panoply/guard/watch"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/rule"
)

var (
	//go:embed page.html
	markup string
	//go:embed page.css
	css string

	page = template.Must(template.New("page").Funcs(template.FuncMap{
		"clock": func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"kind":  kindName,
		"title": func(id rule.ID) string {
			if r := rule.Lookup(id); r != nil {
				return r.Title
			}
			return string(id)
		},
		"why": func(id rule.ID) string {
			if r := rule.Lookup(id); r != nil {
				return r.Why
			}
			return ""
		},
		"allow":   Allow,
		"pattern": func(s string) string { return cmp.Or(s, "no pattern of the policy") },
	}).Parse(markup))

	// Policy is the page's Content-Security-Policy.
	Policy = "default-src 'none'; style-src 'sha256-" + hash(css) + "'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

func hash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return base64.StdEncoding.EncodeToString(sum[:])
}

// maxShown bounds what is listed of each kind.
const maxShown = 50

// View is what the page tells.
type View struct {
	Profile   panoply.Profile
	Upstream  string
	Now       time.Time
	Started   time.Time
	Loaded    time.Time // the policy in force
	Day       bool      // the window is a day, and not an hour
	Window    history.Window
	Events    []history.Event
	Sections  []panoply.Line
	Warnings  []string
	Limits    []ratelimit.RuleStats
	StoreDown bool
	Mistakes  map[clientip.Mistake]uint64
	Findings  []watch.Finding
	// Proposed is the policy that was learned, and where it stands; "" without.
	ProposedFile, Proposed string
	// Effective is the policy in force, as a file.
	Effective string
}

// Render writes the page.
func Render(to io.Writer, v View) error {
	layout := "15:04"
	if v.Day {
		layout = "Mon 15:04"
	}
	v.Events = v.Events[:min(len(v.Events), maxShown)]
	v.Window.Pairs = v.Window.Pairs[:min(len(v.Window.Pairs), maxShown)]
	return page.Execute(to, struct {
		View
		CSS               template.CSS
		Refused, Reported Chart
	}{v, template.CSS(css),
		draw(v.Window, func(c history.Count) int64 { return c.Refused }, layout),
		draw(v.Window, func(c history.Count) int64 { return c.Reported }, layout)})
}
