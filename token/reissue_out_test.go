// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
)

func TestOutFinds(t *testing.T) {
	app := appToken(t)
	none := b64(`{"alg":"none"}`) + "." + b64(`{"id":1}`) + "."
	long := signRaw(t, "secret123", `{"alg":"HS256"}`, `{"x":"`+strings.Repeat("x", MaxBytes)+`"}`)
	jwe := b64(`{"alg":"dir","enc":"A256GCM"}`) + ".b3V0.aXY.Y2lwaGVy.dGFn"
	tests := []struct {
		name, body string // @ stands for the app's token
		found      int    // by name
		anywhere   int    // with UnsafeAnywhere
	}{
		{"article", `{"token":"@"}`, 1, 1},
		{"access-and-refresh", `{"access":"@","refresh":"@"}`, 2, 2},
		{"camel", `{"accessToken":"@","idToken":"@","user":{"id":1}}`, 2, 2},
		{"snake-nested", `{"data":{"auth":{"access_token" : "@"}}}`, 1, 1},
		{"jwt", `{"jwt":"@"}`, 1, 1},
		{"with-scheme", `{"token":"Bearer @"}`, 1, 1},
		{"json-in-json", `{"body":"{\"token\":\"@\"}"}`, 1, 1},
		{"configured-name", `{"api-key":"@"}`, 1, 1},
		{"script", `<script>window.__STATE__={"user":{"token":"@"}}; var jwt = '@'; localStorage.setItem('authToken', "@")</script>`, 3, 3},
		{"html-escaped", `<div data-state="{&quot;token&quot;:&quot;@&quot;}">`, 1, 1},
		{"url", `<a href="/app?access_token=@#top">`, 1, 1},
		{"url-escaped", `{"next":"%2Fapp%3Ftoken%3D@%26x"}`, 1, 1},
		{"line-break-before", `{"token":"\n@"}`, 0, 1},
		{"sentence", `Your token is @.`, 0, 1},

		{"repeated-in-a-name", `{"name":"@","author":"@","message":"token @"}`, 0, 3},
		{"whole-body", `@`, 0, 1},
		{"whole-body-json", `"@"`, 0, 1},
		{"array", `["@"]`, 0, 1},

		{"alg-none", `{"token":"` + none + `"}`, 1, 1},
		{"empty-signature", `{"token":"` + b64(`{"alg":"HS256"}`) + "." + b64(`{"id":1}`) + `."}`, 0, 0},
		{"too-long", `{"token":"` + long + `"}`, 0, 0},
		{"jwe", `{"token":"` + jwe + `"}`, 0, 0},
		{"four-parts", `{"token":"@.x"}`, 0, 0},
		{"behind-a-dot", `{"token":"x.@"}`, 0, 0},
		{"inside-a-word", `{"token":"x@"}`, 0, 0},
		{"padded", `{"token":"@="}`, 0, 0},
		{"flask", `{"token":"eyJ1c2VyIjoxfQ.ZSx5Yw.c2lnbmF0dXJl"}`, 0, 0},
		{"payload-no-object", `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `[1]`) + `"}`, 0, 0},
		{"exp-twice", `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `{"exp":1,"exp":2}`) + `"}`, 0, 0},
		{"payload-trailing", `{"token":"` + signRaw(t, "x", `{"alg":"HS256"}`, `{"id":1}{}`) + `"}`, 0, 0},
		{"cursor", `{"nextPageToken":"eyJpZCI6MX0"}`, 0, 0},
		{"nothing", `{"id":1,"text":"eyJ eyJ. eyJ.. eyJ.a.b eyJ"}`, 0, 0},
		{"empty", ``, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := strings.ReplaceAll(tt.body, "@", app)
			for _, by := range []struct {
				re   *Reissuer
				want int
			}{
				{newReissuer(t, ReissueConfig{Names: []string{"apiKey"}}), tt.found},
				{newReissuer(t, ReissueConfig{UnsafeAnywhere: true}), tt.anywhere},
			} {
				in := []byte(body)
				out, n := by.re.Out(in)
				if n != by.want {
					t.Errorf("Out re-issued %d; want %d\n%s", n, by.want, body)
				}
				if string(in) != body {
					t.Error("Out changed its argument")
				}
				if n == 0 {
					if string(out) != body {
						t.Errorf("Out changed what it did not re-issue: %s", out)
					}
					continue
				}
				if strings.Contains(string(out), app) && n == strings.Count(body, app) {
					t.Errorf("the app's token is still there: %s", out)
				}
				// Once more changes nothing, and the way in gives the body back.
				if again, m := by.re.Out(out); m != 0 || !bytes.Equal(again, out) {
					t.Errorf("Out of Out re-issued %d more", m)
				}
				if n == strings.Count(body, "eyJ")/2 {
					if back, err := by.re.InBody(out); err != nil || string(back) != body {
						t.Errorf("InBody(Out(x)) = %s, %v; want %s", back, err, body)
					}
				}
			}
		})
	}
}

func TestOutHeader(t *testing.T) {
	re := newReissuer(t, ReissueConfig{Names: []string{"remember_me"}, Ignore: []string{"idp_token"}})
	app := appToken(t)
	h := http.Header{
		"Set-Cookie": {
			"token=" + app + "; Path=/; HttpOnly",
			"__Host-session=" + app,
			"remember-me=" + app + "; Max-Age=1",
			"lang=" + app + "; Path=/",
			"idp_token=" + app,
			"theme=dark",
		},
		"Authorization": {"Bearer " + app},
		"X-Auth-Token":  {app},
		"X-Echo":        {app},
		"Location":      {"https://shop.example/app?lang=" + app + "&token=" + app},
	}
	if n := re.OutHeader(h); n != 6 {
		t.Errorf("OutHeader re-issued %d; want 6: %q", n, h)
	}
	for name, i := range map[string]int{"X-Echo": 0, "Set-Cookie": 3} {
		if !strings.Contains(h[name][i], app) {
			t.Errorf("%s is re-issued: it only repeats a token", name)
		}
	}
	if !strings.Contains(h["Set-Cookie"][4], app) {
		t.Error("an ignored cookie is re-issued")
	}
	for _, v := range []string{h["Set-Cookie"][0], h["Set-Cookie"][1], h["Set-Cookie"][2], h["Authorization"][0], h["X-Auth-Token"][0]} {
		if strings.Contains(v, app) || !strings.Contains(v, re.keys[0].prefix) {
			t.Errorf("%s is not re-issued", v)
		}
	}
	if !strings.HasSuffix(h["Set-Cookie"][0], "; Path=/; HttpOnly") || !strings.HasPrefix(h["Set-Cookie"][0], "token=ey") {
		t.Errorf("the cookie lost its attributes: %s", h["Set-Cookie"][0])
	}
	if loc := h.Get("Location"); !strings.HasPrefix(loc, "https://shop.example/app?lang="+app+"&token="+re.keys[0].prefix) {
		t.Errorf("Location: %s", loc)
	}
}
