// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package leak

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestMask(t *testing.T) {
	const jwt = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.abc-DEF_123"
	tests := []struct{ name, in, want string }{
		{"plain", "connect ECONNREFUSED 10.0.1.42:5432", "connect ECONNREFUSED 10.0.1.42:5432"},
		{"url-password", "mongodb://shop:hunter2@db:27017/shop", "mongodb://shop:***@db:27017/shop"},
		{"url-password-json", `"postgres:\/\/shop:hunter2@db"`, `"postgres:\/\/shop:***@db"`},
		{"url-without-user", "redis://:hunter2@cache", "redis://:***@cache"},
		{"url-with-port", "http://shop.example:8080/a?b=c", "http://shop.example:8080/a?b=c"},
		{"url-password-with-slash", "redis://u:hun/ter2@cache", "redis://u:***@cache"},
		{"url-password-with-at", "mongodb://u:p@ss@host/", "mongodb://u:***@host/"},
		{"url-user-with-at", "smtp://ann@shop.example:hunter2@mail", "smtp://ann@shop.example:***@mail"},
		{"url-password-with-ats-and-slash", "mongodb://u:p@ss/w@rd@host/db?x=1", "mongodb://u:***@host/db?x=1"},
		{"url-password-with-at-json", `{"url":"amqp:\/\/u:p@ss@mq","to":"a@b"}`, `{"url":"amqp:\/\/u:***@mq","to":"a@b"}`},
		{"url-password-and-a-mail-after-it", "redis://u:p@ss@cache is not for ann@shop", "redis://u:***@cache is not for ann@shop"},
		{"url-password-and-at-in-the-path", "https://u:hunter2@npm.example/@scope/x", "https://u:***@scope/x"},
		{"bearer", "Bearer abcdef123456 failed", "Bearer *** failed"},
		{"authorization-header", "authorization: Bearer abcdef123456", "authorization: ***"},
		{"authorization-other-scheme", "Authorization: ApiKey abc def\nnext", `Authorization: ***\nnext`},
		{"cookie-header", "Cookie: lang=de; connect.sid=s%3Aabc.def", "Cookie: ***"},
		{"jwt", "invalid token " + jwt, "invalid token [jwt]"},
		{"json", `{"password":"hun\"ter2","name":"Eve"}`, `{"password":***,"name":"Eve"}`},
		{"json-spaced", `{"userPassword" : "hunter2"}`, `{"userPassword" : ***}`},
		{"json-in-json", `"{\"password\":\"hunter2\",\"name\":\"Eve\"}"`, `"{\"password\":***,\"name\":\"Eve\"}"`},
		{"json-cut-off", `{"password":"hunter2 and mo`, `{"password":***`},
		{"json-authorization", `{"authorization":"ApiKey abc def","a":1}`, `{"authorization":***,"a":1}`},
		{"query", "POST /login?user=eve&password=hunter2&x=1", "POST /login?user=eve&password=***&x=1"},
		{"environment", "JWT_SECRET=hunter2 NODE_ENV=production", "JWT_SECRET=*** NODE_ENV=production"},
		{"inspect", "{ password: 'hunter2', name: 'Eve' }", "{ password: ***, name: 'Eve' }"},
		{"sql", "SELECT * FROM users WHERE password = 'hunter2'", "SELECT * FROM users WHERE password = ***"},
		{"php", "'password' => 'hunter2'", "'password' => ***"},
		{"html", "&quot;password&quot;:&quot;hunter2&quot;", "&quot;password&quot;:***"},
		{"api-key", `{"apiKey":"abc","x-api-key":"def","api_key":"ghi"}`, `{"apiKey":***,"x-api-key":***,"api_key":***}`},
		{"pin", "pin=1234 spinner=on", "pin=*** spinner=on"},
		{"private-key", "x -----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY----- y", "x [private key] y"},
		{"private-key-cut-off", "-----BEGIN PRIVATE KEY-----\nMIIEow", "[private key]"},
		{"aws", "key AKIAIOSFODNN7EXAMPLE", "key [key]"},
		{"bcrypt", "hash $2b$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy", "hash [password hash]"},
		{"hex", "id " + strings.Repeat("0a", 16), "id [hex]"},
		{"object-id-stays", "user 5f43a1c2d3e4f5a6b7c8d9e0", "user 5f43a1c2d3e4f5a6b7c8d9e0"},
		{"uuid-stays", "urn:uuid:123e4567-e89b-42d3-a456-426614174000", "urn:uuid:123e4567-e89b-42d3-a456-426614174000"},
		{"base64", "x " + strings.Repeat("aB3+", 12) + "== y", "x [base64] y"},
		{"long-path-stays", "/srv/shop/Node_modules/body-parser2/lib/types/json/reader/index", "/srv/shop/Node_modules/body-parser2/lib/types/json/reader/index"},
		{"control-bytes", "a\r\nlevel=ERROR\t\x1b[31m\x00\x7f", `a\r\nlevel=ERROR\t\x1b[31m\x00\x7f`},
		{"direction-marks", "a\u202eb\u2028c\u0085d", `a\u202eb\u2028c\u0085d`},
		{"not-utf-8", "a\xffb\xe2\x80", `a\xffb\xe2\x80`},
		{"letters-stay", "Größe ü 日本", "Größe ü 日本"},
		{"empty", "", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Mask(tt.in); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func TestMaskClips(t *testing.T) {
	for name, in := range map[string]string{
		"ascii":   strings.Repeat("ab ", maxText),
		"umlauts": strings.Repeat("ü ", maxText),
		"nulls":   strings.Repeat("\x00", maxText),
	} {
		t.Run(name, func(t *testing.T) {
			got := Mask(in)
			if len(got) > maxMasked+len("…") || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
				t.Errorf("%d bytes, ends in %q", len(got), got[len(got)-8:])
			}
		})
	}
}

// Whatever comes in, what comes out is one line of printable text, and a
// password in a URL or after its key is gone.
func FuzzMask(f *testing.F) {
	f.Add("a\nb")
	f.Add(`{"x":"`)
	f.Fuzz(func(t *testing.T, text string) {
		got := Mask(text + "\nmongodb://shop:Hunter2Hunter2@db password=Hunter2Hunter2 ")
		if len(text) < 1024 && strings.Contains(got, "Hunter2Hunter2") {
			t.Errorf("not masked: %q", got)
		}
		for _, r := range got {
			if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u2028' || r == '\u202e' {
				t.Errorf("%q in %q", r, got)
			}
		}
		if !utf8.ValidString(got) || len(got) > maxMasked+len("…") {
			t.Errorf("%d bytes, or no UTF-8", len(got))
		}
	})
}

func BenchmarkMask(b *testing.B) {
	frame := "    at Layer.handle [as handle_request] (/srv/shop/node_modules/express/lib/router/layer.js:95:5)\n"
	for name, text := range map[string]string{
		"line":      "connect ECONNREFUSED 10.0.1.42:5432",
		"trace-4k":  strings.Repeat(frame, 4096/len(frame)),
		"hostile":   strings.Repeat(`password token "`, 1024),
		"hostile-2": strings.Repeat(`secret.`, 2340),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Mask(text)
			}
		})
	}
}
