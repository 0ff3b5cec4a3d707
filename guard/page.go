// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/dashboard"
)

// maxProposed is how much of a learned policy the page shows.
const maxProposed = 64 << 10

// showPage serves the operator's page.
func (g *Guard) showPage(w http.ResponseWriter, r *http.Request) {
	stats := g.suit.Limits().Stats()
	v := dashboard.View{
		Profile: g.policy.Profile, Upstream: servers(g.policy),
		Now: time.Now(), Started: g.started, Loaded: g.loaded,
		Day: r.URL.Query().Get("window") == "day", Events: g.history.Events(),
		Sections: g.suit.Describe(), Warnings: g.suit.Warnings(),
		Limits: stats.Rules, StoreDown: stats.StoreDown,
		Mistakes: g.clients.counts(), Findings: g.watcher.Findings(),
		Effective: shown(g.policy),
	}
	if v.Day {
		v.Window = g.history.Day()
	} else {
		v.Window = g.history.Hour()
	}
	if g.policy.CSP.Mode == panoply.Learn {
		v.ProposedFile, v.Proposed = g.policy.CSP.File, proposed(g.policy.File(g.policy.CSP.File))
	}
	var page bytes.Buffer
	if err := dashboard.Render(&page, v); err != nil {
		g.log.ErrorContext(r.Context(), "admin: the page", "error", err)
		http.Error(w, "the page could not be made: see the log", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", dashboard.Policy)
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	w.Write(page.Bytes())
}

// proposed is the beginning of a learned policy, "" before there is one.
func proposed(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return ""
	}
	defer f.Close()
	text, _ := io.ReadAll(io.LimitReader(f, maxProposed))
	return strings.ToValidUTF8(string(text), "")
}

// shown is the policy as a file. It has no secrets, but the names of variables that do.
func shown(p panoply.Policy) string {
	text, err := p.YAML()
	if err != nil {
		return "It cannot be written as a file: " + err.Error()
	}
	return string(text)
}
