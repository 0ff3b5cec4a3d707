// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cookies

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

var sealKeys = map[string]string{
	"A": "hT5wq9Lz3VbX8nRk2MfC7dJy4GsP6aEuhT2wq8Lz5VbX3nRk",
	"B": "Zq3nT8vLw5yKd2Rb9sXh6JmPc4GfU7eAoZq3nT8vLw5yKd2R",
	"C": "secret123",
}

func lookupKey(name string) (string, bool) { v, ok := sealKeys[name]; return v, ok }

func sealer(t testing.TB, cfg Encryption, p Policy) *Sealer {
	t.Helper()
	cfg.LookupEnv = lookupKey
	if cfg.KeyEnv == "" {
		cfg.KeyEnv = "A"
	}
	s, err := NewSealer(cfg, p.WithDefaults())
	if err != nil {
		t.Fatal(err)
	}
	s.now = func() time.Time { return testNow }
	return s
}

// sealed is the name and the encrypted value of one line.
func sealed(t testing.TB, s *Sealer, line string) string {
	t.Helper()
	h := http.Header{"Set-Cookie": {line}}
	if dropped := s.Seal(h); len(dropped) > 0 {
		t.Fatal(dropped)
	}
	pair, _ := cut(h.Get("Set-Cookie"))
	return pair
}

func opened(s *Sealer, lines ...string) (got []string, dropped []string) {
	h := http.Header{"Cookie": lines}
	dropped = s.Open(h)
	return h["Cookie"], dropped
}

func TestSealRoundTrip(t *testing.T) {
	s := sealer(t, Encryption{}, Policy{Sessions: []string{"shop_*"}, Except: []string{"sessions-seen"}})
	tests := []struct {
		name, line string
		sealed     bool
	}{
		{"express-session", "connect.sid=s%3Aabc.def%2B; Path=/; HttpOnly", true},
		{"cookie-session", "session=eyJhIjoxfQ==; path=/", true},
		{"its-signature", "session.sig=abc-_; path=/", true},
		{"quoted", `token="a b"; Path=/`, true},
		{"empty", "sid=; Path=/", true},
		{"odd-bytes", "sid=\xe9,x=y\tz; Path=/", true},
		{"configured", "shop_user=somebody", true},
		{"host-prefix", "__Host-session=abc; Path=/; Secure", true},
		{"language", "lang=de; Path=/", false},
		{"csrf", "XSRF-TOKEN=abc; Path=/", false},
		{"excepted", "sessions-seen=1", false},
		{"our-own", "__Secure-panoply_device=token", false},
		{"deleted", "connect.sid=; Path=/; Expires=Thu, 01 Jan 1970 00:00:00 GMT", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			before, attributes := cut(tt.line)
			h := http.Header{"Set-Cookie": {"lang=de", tt.line}}
			shared := h["Set-Cookie"]
			if dropped := s.Seal(h); len(dropped) > 0 || shared[1] != tt.line {
				t.Fatalf("dropped %q, the app's own slice has %q", dropped, shared)
			}
			pair, rest := cut(h["Set-Cookie"][1])
			if rest != attributes || (pair != before) != tt.sealed {
				t.Fatalf("it leaves as %q", h["Set-Cookie"][1])
			}
			if !tt.sealed {
				return
			}
			_, value, _ := strings.Cut(before, "=")
			if value != "" && strings.Contains(pair, value) {
				t.Errorf("%q shows the value", pair)
			}
			got, dropped := opened(s, "a=1; "+pair+";b=2", "c=3")
			if want := []string{"a=1; " + before + ";b=2", "c=3"}; !slices.Equal(got, want) || len(dropped) > 0 {
				t.Errorf("it comes back as %q, dropped %q; want %q", got, dropped, want)
			}
		})
	}
}

// What was not encrypted here, or for this name, is not shown to the app, in any spelling.
func TestOpenTakesOut(t *testing.T) {
	s := sealer(t, Encryption{}, Policy{})
	other := sealer(t, Encryption{KeyEnv: "B"}, Policy{})
	good := sealed(t, s, "connect.sid=s%3Aabc.def")
	_, value, _ := strings.Cut(good, "=")
	flip := func(i int) string {
		b := []byte(value)
		if b[i] == 'A' {
			b[i] = 'B'
		} else {
			b[i] = 'A'
		}
		return string(b)
	}
	for name, pair := range map[string]string{
		"forged":              "connect.sid=s%3Aabc.def",
		"from-before":         "session=eyJhIjoxfQ==",
		"of-another-guard":    sealed(t, other, "connect.sid=x"),
		"of-another-cookie":   "session=" + value,
		"of-another-case":     "Connect.sid=" + value,
		"nonce-changed":       "connect.sid=" + flip(10),
		"changed":             "connect.sid=" + flip(len(value)-3),
		"key-changed":         "connect.sid=" + flip(0),
		"longer":              good + "A",
		"padded":              good + "=",
		"quoted":              `connect.sid="` + value + `"`,
		"empty":               "connect.sid=",
		"short":               "connect.sid=AAAA",
		"no-value":            "connect.sid",
		"escaped":             "connect%2Esid=x",
		"escaped-in-part":     "%63onnect.sid=x",
		"nbsp-as-node-has-it": "\xa0connect.sid=x",
		"nbsp-behind":         "connect.sid\xc2\xa0=x",
		"byte-order-mark":     "\ufeffsid=x",
		"form-feed":           "\fsid=x",
		"php":                 "connect_sid=x",
		"behind-a-comma":      "lang=de,connect.sid=x",
		"behind-commas":       "lang=de, a=b, token=x",
		"upper-case":          "SESSION=x",
	} {
		t.Run(name, func(t *testing.T) {
			got, dropped := opened(s, "a=1;"+pair+"; b=2")
			if len(dropped) != 1 || !slices.Equal(got, []string{"a=1; b=2"}) {
				t.Errorf("the app sees %q, dropped %q", got, dropped)
			}
			if len(dropped) == 1 && strings.Contains(dropped[0], "abc") {
				t.Errorf("it is told what it was: %q", dropped)
			}
			if got, _ := opened(s, pair); got != nil {
				t.Errorf("alone, the app sees %q", got)
			}
		})
	}
	for name, line := range map[string]string{
		"nothing":        "",
		"ordinary":       "theme=dark; _ga=GA1.2.1.2;  lang=de",
		"commas":         `prefs={"sessionId":1,"a":"b=="}; x=1,2,3; y=a,b=c`,
		"csrf":           "XSRF-TOKEN=abc; _csrf=x",
		"our-own":        "panoply_device=abc; __Secure-panoply_device=def",
		"empty-pairs":    ";; a=b;;",
		"inside-a-value": "next=/?connect.sid=x",
	} {
		if got, dropped := opened(s, line); !slices.Equal(got, []string{line}) || len(dropped) > 0 {
			t.Errorf("%s: the app sees %q, dropped %q", name, got, dropped)
		}
	}
	if _, dropped := opened(s, strings.Repeat("sid=x;", 100), "sid=x"); len(dropped) != maxTold {
		t.Errorf("told of %d", len(dropped))
	}
}

func TestSealNames(t *testing.T) {
	s := sealer(t, Encryption{Names: []string{"cart", "app.*"}}, Policy{Except: []string{"cart"}})
	for line, want := range map[string]bool{"cart=1": true, "app.x=1": true, "connect.sid=1": false, "Cart=1": false} {
		if got := sealed(t, s, line) != line; got != want {
			t.Errorf("%s is encrypted: %v", line, got)
		}
	}
	for line, want := range map[string]bool{"cart=1": false, "app.x=1": false, "app_x=1": false, "Cart=1": false, "connect.sid=1": true, "apps=1": true} {
		got, _ := opened(s, line)
		if (got != nil) != want {
			t.Errorf("%s: the app sees %q", line, got)
		}
	}
}

// A cookie ends in the guard when it ends in the browser.
func TestSealedCookiesEnd(t *testing.T) {
	s := sealer(t, Encryption{}, Policy{})
	for line, lasts := range map[string]time.Duration{
		"sid=1; Max-Age=3600":                                      time.Hour,
		"sid=1; Expires=Wed, 02 Jan 2030 04:04:05 GMT":             time.Hour,
		"sid=1; Max-Age=60; Expires=Wed, 02 Jan 2030 04:04:05 GMT": time.Minute,
		"sid=1": 1000 * time.Hour,
	} {
		pair := sealed(t, s, line)
		s.now = func() time.Time { return testNow.Add(lasts - time.Second) }
		if got, _ := opened(s, pair); !slices.Equal(got, []string{"sid=1"}) {
			t.Errorf("%s: just before, the app sees %q", line, got)
		}
		s.now = func() time.Time { return testNow.Add(lasts) }
		if got, _ := opened(s, pair); got != nil && lasts < 1000*time.Hour {
			t.Errorf("%s: when it is over, the app sees %q", line, got)
		}
		s.now = func() time.Time { return testNow }
	}
}

func TestSealKeyRotation(t *testing.T) {
	before, during, after := sealer(t, Encryption{}, Policy{}), sealer(t, Encryption{KeyEnv: "B", OldKeyEnvs: []string{"A"}}, Policy{}), sealer(t, Encryption{KeyEnv: "B"}, Policy{})
	old, fresh := sealed(t, before, "sid=1"), sealed(t, during, "sid=1")
	for name, tt := range map[string]struct {
		s    *Sealer
		pair string
		ok   bool
	}{
		"old-during": {during, old, true}, "new-during": {during, fresh, true}, "new-after": {after, fresh, true}, "old-after": {after, old, false}, "new-before": {before, fresh, false},
	} {
		if got, _ := opened(tt.s, tt.pair); (got != nil) != tt.ok {
			t.Errorf("%s: %q", name, got)
		}
	}
	if again := sealed(t, before, "sid=1"); again == old {
		t.Error("the same value is encrypted alike twice")
	}
}

func TestSealedCookiesThatAreTooLong(t *testing.T) {
	s := sealer(t, Encryption{}, Policy{})
	h := http.Header{"Set-Cookie": {"sid=" + strings.Repeat("x", 3100), "lang=de"}}
	if dropped := s.Seal(h); len(dropped) != 1 || !slices.Equal(h["Set-Cookie"], []string{"lang=de"}) || strings.Contains(dropped[0], "xxx") {
		t.Errorf("dropped %.200q, left %d lines", dropped, len(h["Set-Cookie"]))
	}
	value := strings.Repeat("x", 2950)
	pair := sealed(t, s, "sid="+value)
	if got, _ := opened(s, pair); len(pair) > maxPair || !slices.Equal(got, []string{"sid=" + value}) {
		t.Errorf("%d bytes come back as %d lines", len(pair), len(got))
	}
}

func TestNewSealerRefuses(t *testing.T) {
	for fault, cfg := range map[string]Encryption{
		"key_env: the environment variable X is not set": {KeyEnv: "X"},
		"key_env: it can be guessed":                     {KeyEnv: "C"},
		"old_key_envs[0]: it is given twice":             {KeyEnv: "A", OldKeyEnvs: []string{"A"}},
		"old_key_envs[1]: the environment":               {KeyEnv: "A", OldKeyEnvs: []string{"B", "X"}},
		"key_env: there are old keys":                    {OldKeyEnvs: []string{"A"}},
		"old_key_envs: 8 keys":                           {KeyEnv: "A", OldKeyEnvs: strings.Split("BBBBBBBB", "")},
		"names[0]: ":                                     {KeyEnv: "A", Names: []string{"*"}},
	} {
		cfg.LookupEnv = lookupKey
		if _, err := NewSealer(cfg, Policy{}); err == nil || !strings.Contains(err.Error(), strings.Split(fault, ": it can")[0]) {
			t.Errorf("%s: got %v", fault, err)
		}
	}
	a, err := NewSealer(Encryption{}, Policy{})
	if err != nil || !a.Ephemeral() || sealer(t, Encryption{}, Policy{}).Ephemeral() {
		t.Fatal(err)
	}
	b, err := NewSealer(Encryption{}, Policy{})
	if err != nil {
		t.Fatal(err)
	}
	if got, dropped := opened(b, sealed(t, a, "sid=1")); got == nil {
		t.Errorf("after a reload: %q", dropped)
	}
}

// Whatever a browser sends, the app sees no session cookie but those that were encrypted.
func FuzzOpen(f *testing.F) {
	s := sealer(f, Encryption{}, Policy{})
	good := sealed(f, s, "connect.sid=good")
	f.Add("a=1; " + good + "; connect.sid=x")
	f.Add("\xa0sid=x;%73id=y; session.=z,sid=q")
	f.Fuzz(func(t *testing.T, line string) {
		for _, got := range func() []string { lines, _ := opened(s, line); return lines }() {
			for pair := range strings.SplitSeq(got, ";") {
				name, value, ok := strings.Cut(pair, "=")
				name = strings.TrimSpace(latin(name)) // as Node's cookie package has it
				if ok && IsSession(name) && value != "good" {
					t.Fatalf("%q: the app sees %q", line, got)
				}
			}
		}
	})
}

// latin is what Node makes of the bytes of a header.
func latin(s string) string {
	var b strings.Builder
	for i := range len(s) {
		b.WriteRune(rune(s[i]))
	}
	return b.String()
}

// Whatever an app sets comes back as it was.
func FuzzSeal(f *testing.F) {
	s := sealer(f, Encryption{}, Policy{})
	f.Add("s%3Aabc.def")
	f.Add(`"a b"`)
	f.Fuzz(func(t *testing.T, value string) {
		line := "connect.sid=" + value
		c, err := Parse(line)
		if err != nil || strings.Contains(value, ";") || len(value) > 2900 {
			return
		}
		pair := sealed(t, s, line)
		if _, v, _ := strings.Cut(pair, "="); base64.RawURLEncoding.EncodedLen(len(c.Value)+4+24+16+1) != len(v) {
			t.Fatalf("%q is encrypted as %q", value, pair)
		}
		if got, dropped := opened(s, pair); len(got) != 1 || got[0] != "connect.sid="+c.Value {
			t.Fatalf("%q comes back as %q, %q", line, got, dropped)
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	s := sealer(b, Encryption{}, Policy{})
	pair := sealed(b, s, "connect.sid=s%3Aabcdefghijklmnopqrstuvwxyz012345.abcdefghijklmnopqrstuvwxyz")
	b.Run("out", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Seal(http.Header{"Set-Cookie": {"connect.sid=s%3Aabcdefghijklmnopqrstuvwxyz012345.abcdefghijklmnopqrstuvwxyz; Path=/; Secure; HttpOnly"}})
		}
	})
	b.Run("in", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Open(http.Header{"Cookie": {"theme=dark; _ga=GA1.2.1.2; " + pair}})
		}
	})
}
