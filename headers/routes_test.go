// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	h := must(t, Config{
		XFrameOptions: Frame{Off: true},
		Routes: []Route{
			{Match: "/public/", CrossOriginResourcePolicy: &Choice{Policy: "cross-origin"}, Server: &Switch{Off: true}},
			{Match: "/public/embed/", XFrameOptions: &Frame{}, ContentSecurityPolicy: &CSP{Directives: map[string][]string{"frame-ancestors": {"https://a.example"}}}},
			{Match: "POST /logout", ClearSiteData: []string{"cookies", "storage"}},
			{Match: "/public/embed/old", CrossOriginResourcePolicy: &Choice{Policy: "same-site"}, XPoweredBy: &Switch{Off: true}},
			{Match: "/weak", Existing: Replace},
		},
	}).Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Server", "app")
		w.Header().Set("X-Powered-By", "Express")
		if r.URL.Path == "/weak" {
			w.Header().Set("Referrer-Policy", "unsafe-url")
		}
	}))
	tests := []struct {
		name, method, path string
		want               map[string]string // "" is none
	}{
		{"no-route", "GET", "/", map[string]string{"Cross-Origin-Resource-Policy": "same-origin", "X-Frame-Options": "", "Server": "", "Clear-Site-Data": ""}},
		{"one-route", "GET", "/public/a.png", map[string]string{"Cross-Origin-Resource-Policy": "cross-origin", "Server": "app", "X-Powered-By": "", "X-Frame-Options": ""}},
		{"any-case-and-slash", "GET", "/PUBLIC/a.png/", map[string]string{"Cross-Origin-Resource-Policy": "cross-origin"}},
		{"two-routes-add-up", "GET", "/public/embed/x", map[string]string{"Cross-Origin-Resource-Policy": "cross-origin", "X-Frame-Options": "SAMEORIGIN", "X-Powered-By": ""}},
		{"the-last-one-decides", "GET", "/public/embed/old", map[string]string{"Cross-Origin-Resource-Policy": "same-site", "X-Powered-By": "Express", "Server": "app"}},
		{"clear-on-logout", "POST", "/logout", map[string]string{"Clear-Site-Data": `"cookies", "storage"`, "Cross-Origin-Resource-Policy": "same-origin"}},
		{"not-by-another-method", "GET", "/logout", map[string]string{"Clear-Site-Data": ""}},
		{"existing-of-a-route", "GET", "/weak", map[string]string{"Referrer-Policy": "no-referrer"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := httptest.NewRecorder()
			h.ServeHTTP(w, httptest.NewRequest(tt.method, "https://x.example"+tt.path, nil))
			for name, want := range tt.want {
				if got := strings.Join(w.Header().Values(name), " | "); got != want {
					t.Errorf("%s is %q; want %q", name, got, want)
				}
			}
		})
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "https://x.example/public/embed/x", nil))
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "frame-ancestors https://a.example;") || !strings.HasPrefix(csp, "default-src 'self';") {
		t.Errorf("the route's policy is %q", csp)
	}
}

func TestClearSiteDataNeedsTLS(t *testing.T) {
	p := must(t, Config{Routes: []Route{{Match: "/logout", ClearSiteData: []string{"*"}}}})
	h := http.Header{}
	p.Apply(h, Request{Routes: []int{0}})
	if got := h.Get("Clear-Site-Data"); got != "" {
		t.Errorf("over plain HTTP: %q", got)
	}
	p.Apply(h, Request{TLS: true, Routes: []int{0}})
	if got := h.Get("Clear-Site-Data"); got != `"*"` {
		t.Errorf("over TLS: %q", got)
	}
}

func TestRoutesOrderOfTheRequestIsNoMatter(t *testing.T) {
	p := must(t, Config{Routes: []Route{
		{Match: "/a/", XFrameOptions: &Frame{Action: "deny"}, Existing: Replace},
		{Match: "/a/b", XFrameOptions: &Frame{Action: "sameorigin"}, Existing: Keep},
	}})
	for _, ids := range [][]int{{0, 1}, {1, 0}} {
		h := http.Header{"Referrer-Policy": {"origin"}}
		p.Apply(h, Request{Routes: ids})
		if h.Get("X-Frame-Options") != "SAMEORIGIN" || h.Get("Referrer-Policy") != "origin" {
			t.Errorf("%v: %q", ids, h)
		}
	}
}

func TestApplyOnARouteAllocatesNothing(t *testing.T) {
	p := must(t, Config{Routes: []Route{{Match: "/a", CrossOriginResourcePolicy: &Choice{Policy: "cross-origin"}}}})
	h, to := make(http.Header, 32), Request{TLS: true, Routes: []int{0}}
	if n := testing.AllocsPerRun(100, func() { clear(h); p.Apply(h, to) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestFaultsOfRoutesHaveTheirPlace(t *testing.T) {
	_, err := New(Config{Existing: "maybe", Routes: []Route{
		{Match: "GET"},
		{Match: "/x", Existing: "no", XFrameOptions: &Frame{Action: "allow-from"}, ClearSiteData: []string{"cookie", "*", "*"}},
		{Match: "/y", ReportingEndpoints: &Endpoints{Endpoints: map[string]string{"a": "http://a.example", "B": "/x"}}},
	}})
	if err == nil {
		t.Fatal("accepted")
	}
	for _, want := range []string{"existing:", "routes[0].match", "routes[1].existing", "routes[1].x_frame_options", "routes[1].clear_site_data[0]",
		"routes[1].clear_site_data[2]", "routes[2].reporting_endpoints.endpoints.a", `"B" is no endpoint name`} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q is missing in\n%v", want, err)
		}
	}
}

func TestWarningsOfRoutes(t *testing.T) {
	c := Config{XPoweredBy: Switch{Ignored: map[string]any{"setTo": "PHP"}},
		Routes: []Route{{Match: "/x", XFrameOptions: &Frame{Off: true}}, {Match: "/y", XFrameOptions: &Frame{Action: "deny"}}}}.WithDefaults()
	want := []string{`x_powered_by has no option "setTo", so it does nothing`, "routes[0] (/x): x_frame_options is off"}
	if got := c.Warnings(); !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// A session cookie keeps its answer out of caches, where the app does not say
// otherwise.
func TestSessionCacheControl(t *testing.T) {
	tests := []struct {
		name   string
		cfg    Config
		header http.Header
		want   string
	}{
		{"session", Config{}, http.Header{"Set-Cookie": {"a=b", "connect.sid=s%3A1; Path=/"}}, "no-store"},
		{"no-session", Config{}, http.Header{"Set-Cookie": {"theme=dark"}}, ""},
		{"no-cookie", Config{}, http.Header{}, ""},
		{"csrf-token", Config{}, http.Header{"Set-Cookie": {"XSRF-TOKEN=x"}}, ""},
		{"app-says", Config{}, http.Header{"Set-Cookie": {"sid=1"}, "Cache-Control": {"public, max-age=0"}}, "public, max-age=0"},
		{"off", Config{SessionCacheControl: Choice{Off: true}}, http.Header{"Set-Cookie": {"sid=1"}}, ""},
		{"private", Config{SessionCacheControl: Choice{Policy: "private"}}, http.Header{"Set-Cookie": {"sid=1"}}, "private"},
		{"strengthened", Config{Existing: Strengthen}, http.Header{"Set-Cookie": {"sid=1"}, "Cache-Control": {"public, max-age=60"}}, "no-store"},
		{"never-without-a-session", Config{Existing: Replace}, http.Header{"Cache-Control": {"public, max-age=60"}}, "public, max-age=60"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, routes := range [][]int{nil, {0}} { // both ways through Apply
				h := tt.header.Clone()
				tt.cfg.Routes = []Route{{Match: "/x", XFrameOptions: &Frame{Action: "deny"}}}
				must(t, tt.cfg).Apply(h, Request{Routes: routes})
				if got := strings.Join(h.Values("Cache-Control"), " | "); got != tt.want {
					t.Errorf("got %q; want %q", got, tt.want)
				}
			}
		})
	}
}
