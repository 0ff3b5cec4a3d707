// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package dashboard

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/history"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

func compiled(t *testing.T, text string) *panoply.Suit {
	t.Helper()
	p, err := panoply.Parse("policy.yaml", []byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	suit, err := panoply.New(p, panoply.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		t.Fatalf("%v in\n%s", p.Explain(err), text)
	}
	return suit
}

// Whatever is refused, the lines that the page gives are a policy.
func TestRemediesArePolicies(t *testing.T) {
	for _, r := range rule.All() {
		if r.Status == 0 {
			continue
		}
		for _, path := range []string{"/api/items", "/", "/%zz/{id}/\"'", "/a b/é", strings.Repeat("/x", 99) + "…"} {
			e := history.Event{Rule: r.ID, Mistake: r.Mistake, Method: "POST", Path: path, Fields: []problem.Field{{Pointer: "/a/$ne"}, {Pointer: "#query/$g~1t\""}}}
			remedy := Allow(e)
			if remedy.What == "" {
				t.Errorf("%s: nothing is said", r.ID)
			}
			if remedy.Lines != "" {
				compiled(t, remedy.Lines)
			}
		}
	}
}

// And they do let it pass.
func TestRemediesLetPass(t *testing.T) {
	large := `{"a":"` + strings.Repeat("x", 200<<10) + `"}`
	for name, tt := range map[string]struct{ path, body string }{
		"operator":           {"/api/search", `{"price":{"$gt":1}}`},
		"operator-and-slash": {"/api/search", `{"$a/b~c":1}`},
		"prototype":          {"/api/merge", `{"__proto__":{"a":1}}`},
		"too-large":          {"/api/large", large},
		"malformed":          {"/api/odd", `{"a":1,"a":2}`},
		"type":               {"/api/login", `{"email":{"a":1}}`},
	} {
		t.Run(name, func(t *testing.T) {
			send := func(suit *panoply.Suit) *httptest.ResponseRecorder {
				r := httptest.NewRequest("POST", tt.path, strings.NewReader(tt.body))
				r.Header.Set("Content-Type", "application/json")
				rec := httptest.NewRecorder()
				suit.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
				return rec
			}
			past := history.New()
			p := panoply.Policy{}
			suit, err := panoply.New(p, panoply.WithObserver(past), panoply.WithLogger(slog.New(slog.DiscardHandler)))
			if err != nil {
				t.Fatal(err)
			}
			if rec := send(suit); rec.Code < 400 || len(past.Events()) != 1 {
				t.Fatalf("status %d, %d events", rec.Code, len(past.Events()))
			}
			lines := Allow(past.Events()[0]).Lines
			if rec := send(compiled(t, lines)); rec.Code != 200 {
				t.Errorf("status %d: %s\n%s", rec.Code, rec.Body, lines)
			}
		})
	}
}

// They open the route of the event, and no other.
func TestRemediesAreNarrow(t *testing.T) {
	const general = "/"
	for name, tt := range map[string]struct{ path, route, want string }{
		"root":            {"/", general, "POST /{$}"},
		"slash-at-end":    {"/api/", general, "POST /api"},
		"slashes-at-end":  {"/api//", general, "POST /api"},
		"plain":           {"/api/items/7", "POST /api/items/{id}", "POST /api/items/7"},
		"wildcard":        {"/{any}/{rest...}", general, ""},
		"wildcard-known":  {"/{rest...}", "POST /{$}", "POST /{$}"},
		"escape":          {"/a%b", "/a/{x}", "POST /a/{x}"},
		"escape-anywhere": {"/a%b", general, ""},
		"every-post":      {"/a%b", "POST /", ""},
		"clipped":         {"/" + strings.Repeat("x", 99) + "…", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			e := history.Event{Rule: rule.ValidatePrototype, Method: "POST", Path: tt.path, Route: tt.route}
			if got := matching(e); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			remedy := Allow(e)
			if (remedy.Lines == "") != (tt.want == "") || remedy.What == "" {
				t.Errorf("got %q, %q", remedy.What, remedy.Lines)
			}
			if remedy.Lines == "" {
				return
			}
			r := httptest.NewRequest("POST", "/another/one", strings.NewReader(`{"__proto__":{"a":1}}`))
			r.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			compiled(t, remedy.Lines).Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})).ServeHTTP(rec, r)
			if rec.Code < 400 {
				t.Errorf("another route is open with\n%s", remedy.Lines)
			}
		})
	}
}

// What clients send is text in the page, wherever it stands.
func TestPageIsStrict(t *testing.T) {
	const evil = `</pre><script>alert(1)</script><img src=x onerror=alert(1)>"'`
	past := history.New()
	for range 3 {
		r := httptest.NewRequest("POST", "/", nil)
		r.URL.Path, r.Method = "/"+evil, "POST"+evil
		past.Decided(r, &problem.Exchange{ID: evil, Route: evil}, &problem.Error{Rule: rule.NoSQLOperator, Status: 400, Detail: evil,
			Fields: []problem.Field{{Pointer: "/$" + evil, Detail: evil}}}, false)
		past.Decided(r, &problem.Exchange{}, &problem.Error{Rule: rule.ID(evil), Status: 400}, true)
	}
	var b bytes.Buffer
	if err := Render(&b, View{Window: past.Hour(), Events: past.Events(), Warnings: []string{evil}, Effective: evil, ProposedFile: evil, Proposed: evil, Upstream: evil}); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, bad := range []string{"<script", "<img", "onerror=alert(1)>\"", "style=", "ZgotmplZ"} {
		if strings.Contains(page, bad) {
			t.Errorf("%q is in the page", bad)
		}
	}
	_, sheet, _ := strings.Cut(page, "<style>")
	sheet, _, _ = strings.Cut(sheet, "</style>")
	if !strings.Contains(Policy, "'sha256-"+hash(sheet)+"'") || strings.Count(page, "<style") != 1 {
		t.Errorf("%s does not allow the style sheet", Policy)
	}
	if strings.Count(page, "<rect") < 4 || strings.Count(page, `<details class="event">`) != 6 {
		t.Errorf("%d rectangles, %d events", strings.Count(page, "<rect"), strings.Count(page, `<details class="event">`))
	}
}

func TestChartAddsUp(t *testing.T) {
	var w history.Window
	for i := range 60 {
		var b history.Bar
		b.Counts[1].Refused, b.Counts[7].Refused = int64(i), int64(60-i)
		w.Bars = append(w.Bars, b)
		w.Counts[1].Refused += int64(i)
		w.Counts[7].Refused += int64(60 - i)
	}
	c := draw(w, func(c history.Count) int64 { return c.Refused }, "15:04")
	if c.Max != 60 || c.Total != 3600 || len(c.Legend) != 2 || len(c.Bars) != 60 {
		t.Fatalf("max %d, total %d, %v", c.Max, c.Total, c.Legend)
	}
	for _, b := range c.Bars {
		height := 0
		for _, p := range b.Parts {
			height += p.Height
		}
		if height != chartHeight || b.X+b.Width > chartWidth {
			t.Errorf("%v is %d high", b, height)
		}
	}
}
