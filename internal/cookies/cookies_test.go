// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cookies

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestParse(t *testing.T) {
	const line = "  connect.sid = s%3Aabc.def== ; Path=/app;DOMAIN= .shop.example ;secure=1; HttpOnly ;; samesite=lax; Max-Age=3600; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Partitioned; X=y"
	c, err := Parse(line)
	if err != nil {
		t.Fatal(err)
	}
	if c.Name != "connect.sid" || c.Value != "s%3Aabc.def==" || c.Path != "/app" || c.Domain != ".shop.example" ||
		!c.Secure || !c.HTTPOnly || c.SameSite != "lax" || !c.SameSiteValid() || !c.HasMaxAge || c.MaxAge != 3600 ||
		!c.Expires.Equal(time.Date(2037, 10, 21, 7, 28, 0, 0, time.UTC)) {
		t.Errorf("got %+v", c)
	}
}

func TestParseReadsAsBrowsersDo(t *testing.T) {
	tests := []struct {
		name, line string
		ok         func(Cookie) bool
	}{
		{"last-same-site-counts", "a=b; SameSite=None; SameSite=Strict", func(c Cookie) bool { return c.SameSite == "Strict" }},
		{"unknown-same-site", "a=b; SameSite=Foo", func(c Cookie) bool { return !c.SameSiteValid() }},
		{"bad-max-age-does-not-count", "a=b; Max-Age=60; Max-Age=1e9", func(c Cookie) bool { return c.MaxAge == 60 }},
		{"quoted-max-age-does-not-count", `a=b; Max-Age="60"`, func(c Cookie) bool { return !c.HasMaxAge }},
		{"negative-max-age", "a=b; Max-Age=-1", func(c Cookie) bool { return c.MaxAge == -1 }},
		{"huge-max-age", "a=b; Max-Age=" + strings.Repeat("9", 100), func(c Cookie) bool { return c.HasMaxAge && c.MaxAge == 1<<40 }},
		{"value-too-long-to-count", "a=b; SameSite=" + strings.Repeat("x", 1025), func(c Cookie) bool { return c.SameSite == "" }},
		{"equals-in-value", "a=b=c", func(c Cookie) bool { return c.Value == "b=c" }},
		{"empty-value", "a=", func(c Cookie) bool { return c.Name == "a" && c.Value == "" }},
		{"not-ascii", "naïve=ü; Secure", func(c Cookie) bool { return c.Name == "naïve" && c.Secure }},
		{"quotes-do-not-protect-semicolons", `a="b; Secure"`, func(c Cookie) bool { return c.Value == `"b` && !c.Secure }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse(tt.line)
			if err != nil || !tt.ok(c) {
				t.Errorf("got %+v, %v", c, err)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for name, line := range map[string]string{
		"empty":              "",
		"no-equals":          "abc; Secure",
		"no-name":            "=value",
		"blank-name":         " \t=value",
		"null-byte":          "a=b\x00c",
		"line-break":         "a=b\r\nSet-Cookie: c=d",
		"delete-byte":        "a=b; Path=/\x7f",
		"host-with-domain":   "__Host-a=b; Secure; Path=/; Domain=x.example",
		"host-with-path":     "__Host-a=b; Secure; Path=/app",
		"host-in-lower-case": "__host-a=b; Domain=x.example",
	} {
		t.Run(name, func(t *testing.T) {
			if c, err := Parse(line); err == nil {
				t.Errorf("read as %+v", c)
			} else if _, ok := err.(Malformed); !ok {
				t.Errorf("error is a %T", err)
			}
		})
	}
}

func TestParseDate(t *testing.T) {
	tests := []struct {
		name, text string
		want       string // RFC 3339, "" if unreadable
	}{
		{"imf-fixdate", "Wed, 21 Oct 2037 07:28:00 GMT", "2037-10-21T07:28:00Z"},
		{"rfc-850", "Wednesday, 21-Oct-37 07:28:00 GMT", "2037-10-21T07:28:00Z"},
		{"asctime", "Wed Oct 21 07:28:00 2037", "2037-10-21T07:28:00Z"},
		{"two-digit-year-of-last-century", "21 Oct 97 07:28:00", "1997-10-21T07:28:00Z"},
		{"epoch", "Thu, 01 Jan 1970 00:00:00 GMT", "1970-01-01T00:00:00Z"},
		{"any-order", "2037 07:28:00 oct 21", "2037-10-21T07:28:00Z"},
		{"one-digit-parts", "1 Jan 2037 7:8:9", "2037-01-01T07:08:09Z"},
		{"zone-is-ignored", "Wed, 21 Oct 2037 07:28:00 +0900", "2037-10-21T07:28:00Z"},
		{"leap-day", "29 Feb 2036 00:00:00", "2036-02-29T00:00:00Z"},
		{"no-leap-day", "29 Feb 2037 00:00:00", ""},
		{"hour-24", "21 Oct 2037 24:00:00", ""},
		{"no-time", "21 Oct 2037", ""},
		{"no-year", "21 Oct 07:28:00", ""},
		{"too-early", "21 Oct 1600 07:28:00", ""},
		{"zero", "0", ""},
		{"word", "Session", ""},
		{"empty", "", ""},
		{"iso", "2037-10-21T07:28:00Z", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := parseDate(tt.text)
			if ok != (tt.want != "") || ok && got.Format(time.RFC3339) != tt.want {
				t.Errorf("got %v, %v; want %s", got, ok, tt.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	tests := []struct {
		name          string
		session, csrf bool
	}{
		{"connect.sid", true, false}, {"sid", true, false}, {"SID", true, false}, {"session", true, false},
		{"PHPSESSID", true, false}, {"JSESSIONID", true, false}, {"ASP.NET_SessionId", true, false},
		{"token", true, false}, {"jwt", true, false}, {"auth", true, false}, {"access_token", true, false},
		{"refreshToken", true, false}, {"app.sid", true, false}, {"__Host-sid", true, false}, {"__secure-auth", true, false},
		{"loginName", true, false}, {"mySessionCookie", true, false}, {"remember_me", true, false}, {"x-auth", true, false},
		{"XSRF-TOKEN", false, true}, {"csrftoken", false, true}, {"_csrf", false, true}, {"csrf-token", false, true},
		{"__Host-csrf_token", false, true}, {"csrf_session", true, false},
		{"lang", false, false}, {"theme", false, false}, {"author", false, false}, {"_ga", false, false},
		{"AWSALB", false, false}, {"inside", false, false}, {"residence", false, false}, {"tokens", false, false},
	}
	for _, tt := range tests {
		t.Run(strings.ToLower(tt.name), func(t *testing.T) {
			if got := IsSession(tt.name); got != tt.session {
				t.Errorf("IsSession is %v", got)
			}
			if got := IsCSRF(tt.name); got != tt.csrf {
				t.Errorf("IsCSRF is %v", got)
			}
		})
	}
}

var testNow = time.Date(2030, 1, 2, 3, 4, 5, 678, time.UTC)

func hardener(t testing.TB, p Policy) *Hardener {
	t.Helper()
	h, err := New(p)
	if err != nil {
		t.Fatal(err)
	}
	h.now = func() time.Time { return testNow }
	return h
}

func TestLine(t *testing.T) {
	const plain = true
	yes := new(bool)
	*yes = true
	tests := []struct {
		name   string
		policy Policy
		plain  bool
		line   string
		want   string
	}{
		// What express-session sends.
		{"bare-session", Policy{}, false, "connect.sid=s%3Aabc.def; Path=/", "connect.sid=s%3Aabc.def; Path=/; Secure; HttpOnly; SameSite=Strict"},
		{"bare-session-over-plain-http", Policy{}, plain, "connect.sid=s; Path=/", "connect.sid=s; Path=/; HttpOnly; SameSite=Strict"},
		{"secure-always", Policy{SecureAlways: true}, plain, "connect.sid=s", "connect.sid=s; Secure; HttpOnly; SameSite=Strict"},
		{"nothing-missing", Policy{}, false, "sid=1;secure ;HTTPONLY;  samesite = lax;Priority=High", "sid=1;secure ;HTTPONLY;  samesite = lax;Priority=High"},
		{"unknown-attributes-and-order-stay", Policy{}, false, "a=\"b c\" ;Foo=bar;Path=/x;  Partitioned;Secure", "a=\"b c\" ;Foo=bar;Path=/x;  Partitioned;Secure; HttpOnly; SameSite=Strict"},
		{"no-attributes", Policy{}, false, "a=b", "a=b; Secure; HttpOnly; SameSite=Strict"},
		{"odd-name-and-value", Policy{}, false, "a b[c]=d, e=f", "a b[c]=d, e=f; Secure; HttpOnly; SameSite=Strict"},

		{"no-secure", Policy{NoSecure: true}, false, "a=b", "a=b; HttpOnly; SameSite=Strict"},
		{"no-http-only", Policy{NoHTTPOnly: true}, false, "sid=b", "sid=b; Secure; SameSite=Strict"},
		{"http-only-sessions-only", Policy{HTTPOnlySessionsOnly: true}, false, "lang=b", "lang=b; Secure; SameSite=Strict"},
		{"http-only-sessions-only-session", Policy{HTTPOnlySessionsOnly: true}, false, "sid=b", "sid=b; Secure; HttpOnly; SameSite=Strict"},
		{"http-only-named-session", Policy{HTTPOnlySessionsOnly: true, Sessions: []string{"shop_*"}}, false, "shop_id=b", "shop_id=b; Secure; HttpOnly; SameSite=Strict"},
		{"csrf-stays-readable", Policy{}, false, "XSRF-TOKEN=b", "XSRF-TOKEN=b; Secure; SameSite=Strict"},

		{"same-site-lax", Policy{SameSite: "Lax"}, false, "a=b; Secure; HttpOnly", "a=b; Secure; HttpOnly; SameSite=Lax"},
		{"same-site-of-the-app-stays", Policy{}, false, "a=b; Secure; HttpOnly; SameSite=Lax", "a=b; Secure; HttpOnly; SameSite=Lax"},
		{"same-site-forced", Policy{ForceSameSite: true}, false, "a=b; Secure; HttpOnly; SameSite=Lax", "a=b; Secure; HttpOnly; SameSite=Strict"},
		{"same-site-forced-already", Policy{ForceSameSite: true}, false, "a=b; Secure; HttpOnly; samesite=strict", "a=b; Secure; HttpOnly; samesite=strict"},
		{"same-site-off", Policy{SameSite: "off"}, false, "a=b; Secure; HttpOnly", "a=b; Secure; HttpOnly"},
		{"same-site-off-repairs", Policy{SameSite: "off"}, false, "a=b; SameSite=yes; Secure; HttpOnly", "a=b; SameSite=Lax; Secure; HttpOnly"},
		{"same-site-invalid", Policy{}, false, "a=b; SameSite=true; Secure; HttpOnly", "a=b; SameSite=Strict; Secure; HttpOnly"},
		{"same-site-empty", Policy{}, false, "a=b; SameSite; Secure; HttpOnly", "a=b; SameSite=Strict; Secure; HttpOnly"},
		{"same-site-several", Policy{}, false, "a=b; SameSite=Lax; SameSite=x; Secure; HttpOnly", "a=b; SameSite=Strict; SameSite=Strict; Secure; HttpOnly"},
		{"same-site-none-gets-secure", Policy{}, false, "a=b; SameSite=None; HttpOnly", "a=b; SameSite=None; HttpOnly; Secure"},
		{"same-site-none-without-secure", Policy{}, plain, "a=b; SameSite=None; HttpOnly", "a=b; SameSite=Strict; HttpOnly"},
		{"same-site-none-without-secure-off", Policy{SameSite: "off", NoSecure: true}, false, "a=b; SameSite=None; HttpOnly", "a=b; SameSite=Lax; HttpOnly"},
		{"same-site-none-secure-over-plain-http", Policy{}, plain, "a=b; SameSite=None; Secure; HttpOnly", "a=b; SameSite=None; Secure; HttpOnly"},

		{"max-age-cut", Policy{}, false, "sid=1; Max-Age=86400; Secure; HttpOnly; SameSite=Lax", "sid=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"},
		{"max-age-short-stays", Policy{}, false, "sid=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax", "sid=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax"},
		{"max-age-of-others-stays", Policy{}, false, "lang=de; Max-Age=86400; Secure; HttpOnly; SameSite=Lax", "lang=de; Max-Age=86400; Secure; HttpOnly; SameSite=Lax"},
		{"max-age-own-limit", Policy{MaxAge: 2 * time.Hour}, false, "sid=1;max-age =86400; Secure; HttpOnly; SameSite=Lax", "sid=1;max-age=7200; Secure; HttpOnly; SameSite=Lax"},
		{"max-age-left-alone", Policy{NoMaxAge: true}, false, "sid=1; Max-Age=86400; Secure; HttpOnly; SameSite=Lax", "sid=1; Max-Age=86400; Secure; HttpOnly; SameSite=Lax"},
		{"max-age-each-of-several", Policy{}, false, "sid=1; Max-Age=86400; Max-Age=60; Secure; HttpOnly; SameSite=Lax", "sid=1; Max-Age=3600; Max-Age=60; Secure; HttpOnly; SameSite=Lax"},
		{"expires-cut", Policy{}, false, "sid=1; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Secure; HttpOnly; SameSite=Lax", "sid=1; Expires=Wed, 02 Jan 2030 04:04:05 GMT; Secure; HttpOnly; SameSite=Lax"},
		{"expires-soon-stays", Policy{}, false, "sid=1; Expires=Wed, 02 Jan 2030 03:30:00 GMT; Secure; HttpOnly; SameSite=Lax", "sid=1; Expires=Wed, 02 Jan 2030 03:30:00 GMT; Secure; HttpOnly; SameSite=Lax"},
		{"max-age-and-expires-cut", Policy{}, false, "sid=1; Max-Age=60; Expires=Wed, 21 Oct 2037 07:28:00 GMT; Secure; HttpOnly; SameSite=Lax", "sid=1; Max-Age=60; Expires=Wed, 02 Jan 2030 04:04:05 GMT; Secure; HttpOnly; SameSite=Lax"},
		{"no-lifetime-stays", Policy{}, false, "sid=1; Secure; HttpOnly; SameSite=Lax", "sid=1; Secure; HttpOnly; SameSite=Lax"},
		{"no-lifetime-gets-one-when-asked", Policy{AddMaxAge: true}, false, "sid=1; Secure; HttpOnly; SameSite=Lax", "sid=1; Secure; HttpOnly; SameSite=Lax; Max-Age=3600"},
		{"unreadable-expires-gets-one-when-asked", Policy{AddMaxAge: true}, false, "sid=1; Expires=0; Secure; HttpOnly; SameSite=Lax", "sid=1; Expires=0; Secure; HttpOnly; SameSite=Lax; Max-Age=3600"},
		{"others-get-none-when-asked", Policy{AddMaxAge: true}, false, "lang=de; Secure; HttpOnly; SameSite=Lax", "lang=de; Secure; HttpOnly; SameSite=Lax"},

		// What res.clearCookie sends.
		{"deletion-by-expires", Policy{}, false, "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT"},
		{"deletion-by-max-age", Policy{AddMaxAge: true}, false, "sid=; Max-Age=0", "sid=; Max-Age=0"},
		{"deletion-by-negative-max-age", Policy{}, false, "sid=; Max-Age=-99999999999999999999", "sid=; Max-Age=-99999999999999999999"},
		{"no-deletion-when-max-age-says-so", Policy{}, false, "sid=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "sid=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT; Secure; HttpOnly; SameSite=Strict"},

		{"host-prefix-gets-path", Policy{}, false, "__Host-sid=1", "__Host-sid=1; Path=/; Secure; HttpOnly; SameSite=Strict"},
		{"prefix-gets-secure-over-plain-http", Policy{NoSecure: true}, plain, "__Secure-lang=1", "__Secure-lang=1; Secure; HttpOnly; SameSite=Strict"},

		{"except-by-name", Policy{Except: []string{"lang"}}, false, "lang=de", "lang=de"},
		{"except-by-start", Policy{Except: []string{"AWSALB*"}}, false, "AWSALBCORS=1", "AWSALBCORS=1"},
		{"except-is-the-whole-name", Policy{Except: []string{"lang"}}, false, "language=de", "language=de; Secure; HttpOnly; SameSite=Strict"},
		{"except-keeps-case", Policy{Except: []string{"LANG"}}, false, "lang=de", "lang=de; Secure; HttpOnly; SameSite=Strict"},

		{"override-same-site", Policy{Overrides: []Override{{Names: []string{"sid"}, SameSite: "Lax"}}}, false, "sid=1; Max-Age=60", "sid=1; Max-Age=60; Secure; HttpOnly; SameSite=Lax"},
		{"override-of-another", Policy{Overrides: []Override{{Names: []string{"sid"}, SameSite: "Lax"}}}, false, "sids=1", "sids=1; Secure; HttpOnly; SameSite=Strict"},
		{"override-first-counts", Policy{Overrides: []Override{{Names: []string{"app_*"}, SameSite: "Lax"}, {Names: []string{"app_a"}, SameSite: "off"}}}, false, "app_a=1", "app_a=1; Secure; HttpOnly; SameSite=Lax"},
		{"override-force-same-site", Policy{Overrides: []Override{{Names: []string{"a"}, ForceSameSite: true}}}, false, "a=1; Secure; HttpOnly; SameSite=None", "a=1; Secure; HttpOnly; SameSite=Strict"},
		{"override-force-ends", Policy{ForceSameSite: true, Overrides: []Override{{Names: []string{"a"}, SameSite: "Lax"}}}, false, "a=1; Secure; HttpOnly; SameSite=None", "a=1; Secure; HttpOnly; SameSite=None"},
		{"override-no-http-only", Policy{Overrides: []Override{{Names: []string{"sid"}, HTTPOnly: new(bool)}}}, false, "sid=1; Max-Age=60", "sid=1; Max-Age=60; Secure; SameSite=Strict"},
		{"override-http-only", Policy{NoHTTPOnly: true, Overrides: []Override{{Names: []string{"XSRF-*"}, HTTPOnly: yes}}}, false, "XSRF-TOKEN=1", "XSRF-TOKEN=1; Secure; HttpOnly; SameSite=Strict"},
		{"override-no-secure", Policy{SecureAlways: true, Overrides: []Override{{Names: []string{"a"}, Secure: new(bool)}}}, false, "a=1", "a=1; HttpOnly; SameSite=Strict"},
		{"override-secure", Policy{NoSecure: true, Overrides: []Override{{Names: []string{"a"}, Secure: yes}}}, false, "a=1", "a=1; Secure; HttpOnly; SameSite=Strict"},
		{"override-max-age", Policy{NoMaxAge: true, Overrides: []Override{{Names: []string{"lang"}, MaxAge: time.Minute}}}, false, "lang=1; Max-Age=3600; Secure; HttpOnly; SameSite=Lax", "lang=1; Max-Age=60; Secure; HttpOnly; SameSite=Lax"},
		{"override-longer", Policy{Overrides: []Override{{Names: []string{"sid"}, MaxAge: 24 * time.Hour}}}, false, "sid=1; Max-Age=999999; Secure; HttpOnly; SameSite=Lax", "sid=1; Max-Age=86400; Secure; HttpOnly; SameSite=Lax"},
		{"override-of-an-exception", Policy{Except: []string{"a"}, Overrides: []Override{{Names: []string{"a"}, SameSite: "Lax"}}}, false, "a=1", "a=1"},

		{"profile-compatible", Policy{HTTPOnlySessionsOnly: true, SameSite: "Lax", NoMaxAge: true}, plain, "connect.sid=s; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT", "connect.sid=s; Path=/; Expires=Wed, 21 Oct 2037 07:28:00 GMT; HttpOnly; SameSite=Lax"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := hardener(t, tt.policy)
			got, err := h.Line(tt.line, !tt.plain)
			if err != nil {
				t.Fatal(err)
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if again, err := h.Line(got, !tt.plain); err != nil || again != got {
				t.Errorf("the second time %s, %v", again, err)
			}
		})
	}
}

func TestHarden(t *testing.T) {
	h := hardener(t, Policy{})
	shared := []string{"sid=1; Secure; HttpOnly; SameSite=Lax", "=nameless", "lang=de", "bad\x01=secret", "__Host-a=secret; Domain=x.example"}
	header := http.Header{"Set-Cookie": shared, "Content-Type": {"text/html"}}
	changed, dropped := h.Harden(header, true)
	if changed != 1 || len(dropped) != 3 {
		t.Fatalf("changed %d, dropped %q", changed, dropped)
	}
	want := []string{"sid=1; Secure; HttpOnly; SameSite=Lax", "lang=de; Secure; HttpOnly; SameSite=Strict"}
	got := header["Set-Cookie"]
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("got %q; want %q", got, want)
	}
	if shared[1] != "=nameless" || shared[2] != "lang=de" {
		t.Errorf("the app's own slice was changed: %q", shared)
	}
	for _, d := range dropped {
		if strings.Contains(d, "secret") || strings.Contains(d, "nameless") || strings.ContainsAny(d, "\x01\n") {
			t.Errorf("the report tells too much: %q", d)
		}
	}
}

func TestHardenDropsTheOnlyCookie(t *testing.T) {
	header := http.Header{"Set-Cookie": {"\x00"}}
	if changed, dropped := hardener(t, Policy{}).Harden(header, true); changed != 0 || len(dropped) != 1 || len(header) != 0 {
		t.Errorf("changed %d, dropped %q, header %q", changed, dropped, header)
	}
}

func TestHardenLeavesCompleteCookiesAlone(t *testing.T) {
	lines := []string{"sid=1; Secure; HttpOnly; SameSite=Lax"}
	header := http.Header{"Set-Cookie": lines}
	h := hardener(t, Policy{})
	if n := testing.AllocsPerRun(100, func() { h.Harden(header, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if &header["Set-Cookie"][0] != &lines[0] {
		t.Error("the slice was copied")
	}
}

func TestNewRefuses(t *testing.T) {
	tests := []struct {
		name, path string
		policy     Policy
	}{
		{"same-site-unknown", "same_site", Policy{SameSite: "strict"}},
		{"same-site-none", "same_site", Policy{SameSite: "None"}},
		{"force-nothing", "force_same_site", Policy{SameSite: "off", ForceSameSite: true}},
		{"max-age-negative", "max_age", Policy{MaxAge: -time.Hour}},
		{"max-age-too-short", "max_age", Policy{MaxAge: time.Millisecond}},
		{"max-age-too-long", "max_age", Policy{MaxAge: 401 * 24 * time.Hour}},
		{"add-without-cap", "add_max_age", Policy{NoMaxAge: true, AddMaxAge: true}},
		{"secure-never-and-always", "secure_always", Policy{NoSecure: true, SecureAlways: true}},
		{"except-everything", "except[0]", Policy{Except: []string{"*"}}},
		{"except-empty", "except[0]", Policy{Except: []string{""}}},
		{"except-two-stars", "except[0]", Policy{Except: []string{"a*b*"}}},
		{"override-of-nothing", "overrides[0].names", Policy{Overrides: []Override{{SameSite: "Lax"}}}},
		{"override-of-everything", "overrides[0].names[0]", Policy{Overrides: []Override{{Names: []string{"*"}}}}},
		{"override-same-site-none", "overrides[0].same_site", Policy{Overrides: []Override{{Names: []string{"a"}, SameSite: "None"}}}},
		{"override-max-age-too-long", "overrides[0].max_age", Policy{Overrides: []Override{{Names: []string{"a"}, MaxAge: 401 * 24 * time.Hour}}}},
		{"sessions-with-value", "sessions[1]", Policy{Sessions: []string{"ok", "a=b"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := New(tt.policy)
			if err == nil || !strings.HasPrefix(err.Error(), tt.path+": ") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v; want one fault of %s", err, tt.path)
			}
		})
	}
}

func TestWarnings(t *testing.T) {
	if w := (Policy{}).Warnings(); len(w) != 0 {
		t.Errorf("the default warns: %q", w)
	}
	if w := (Policy{NoSecure: true, NoHTTPOnly: true, NoMaxAge: true, SameSite: "off", Overrides: []Override{{Names: []string{"a"}, HTTPOnly: new(bool), Secure: new(bool)}}}).Warnings(); len(w) != 6 {
		t.Errorf("got %q", w)
	}
}

// Hardening never panics, never changes name=value, and has nothing left to do
// the second time. Where net/http reads a line too, both read the same.
func FuzzLine(f *testing.F) {
	for _, s := range []string{
		"connect.sid=s; Path=/", "sid=1;Max-Age=99999;Expires=Wed, 21 Oct 2037 07:28:00 GMT", "a=b; SameSite=None",
		"__Host-x=y; path", "a=b;;;", "=;=", "sid=1; Max-Age=-0", "a=b; SameSite=x; SameSite = y ;SameSite",
	} {
		f.Add(s, true, false)
	}
	f.Fuzz(func(t *testing.T, line string, tls, lax bool) {
		p := Policy{AddMaxAge: true}
		if lax {
			p = Policy{SameSite: "Lax", HTTPOnlySessionsOnly: true, ForceSameSite: true}
		}
		h := hardener(t, p)
		hard, err := h.Line(line, tls)
		if err != nil {
			return
		}
		before, _ := cut(line)
		if after, _ := cut(hard); after != before {
			t.Fatalf("%q became %q", before, after)
		}
		again, err := h.Line(hard, tls)
		if err != nil || again != hard {
			t.Fatalf("%q became %q, then %q, %v", line, hard, again, err)
		}
		c, _ := Parse(hard)
		if !c.Deletion(testNow) && (tls && !c.Secure || !c.SameSiteValid()) {
			t.Fatalf("%q is still soft", hard)
		}
		if IsSession(c.Name) && c.Ends(testNow).After(testNow.Add(time.Hour)) {
			t.Fatalf("%q lasts until %v", hard, c.Ends(testNow))
		}
		if std, err := http.ParseSetCookie(line); err == nil {
			mine, _ := Parse(line)
			if mine.Name != std.Name || mine.Secure != std.Secure || mine.HTTPOnly != std.HttpOnly {
				t.Fatalf("%q: net/http reads %+v, this package %+v", line, std, mine)
			}
		}
	})
}

func BenchmarkHarden(b *testing.B) {
	h := hardener(b, Policy{})
	for name, line := range map[string]string{
		"complete": "connect.sid=s%3Aabcdefghijklmnop.qrstuvwxyz; Path=/; Expires=Wed, 02 Jan 2030 03:30:00 GMT; HttpOnly; Secure; SameSite=Strict",
		"bare":     "connect.sid=s%3Aabcdefghijklmnop.qrstuvwxyz; Path=/",
	} {
		b.Run(name, func(b *testing.B) {
			header := http.Header{}
			lines := []string{line}
			b.ReportAllocs()
			for b.Loop() {
				header["Set-Cookie"] = lines
				h.Harden(header, true)
			}
		})
	}
}
