// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

const nonceSection = `headers: {content_security_policy: {nonces: [script-src, style-src]}}
`

var policyNonce = regexp.MustCompile(`script-src 'self' 'nonce-([A-Za-z0-9_-]{22})'`)

// A page's scripts carry the nonce of its policy, whatever chunks it comes in, and
// what is no page that can be read stays as it is.
func TestNoncesArePutIntoPages(t *testing.T) {
	const text = "<title>x</title><script>a</script><style>b</style><p>é</p>"
	for _, tt := range []struct {
		name, policy, contentType, body string
		headers                         []string // of the app's answer
		status                          int
		blessed, logged                 bool
	}{
		{"page", "", "text/html; charset=utf-8", text, nil, 200, true, false},
		{"charset-unknown", "", "Text/HTML", text, nil, 200, true, false},
		{"latin", "", `text/html;charset="ISO-8859-1"`, text, nil, 404, true, false},
		{"utf-16", "", "text/html; charset=utf-16le", text, nil, 200, false, true},
		{"coded", "", "text/html", text, []string{"Content-Encoding", "br"}, 200, false, true},
		{"part", "", "text/html", text, []string{"Content-Range", "bytes 0-1/9"}, 206, false, true},
		{"script", "", "text/javascript", "<script>a</script>", nil, 200, false, false},
		{"own-policy", "", "text/html", text, []string{"Content-Security-Policy", "script-src 'nonce-x'"}, 200, false, false},
		{"own-policy-replaced", strings.Replace(nonceSection, "{content", "{existing: replace, content", 1), "text/html", text, []string{"Content-Security-Policy", "script-src 'nonce-x'"}, 200, true, false},
		{"own-nonce-replaced", strings.Replace(nonceSection, "{content", "{existing: replace, content", 1), "text/html", text, []string{"Content-Security-Policy", "script-src 'nonce-x'", "Cdn-Cache-Control", "max-age=60", "X-Accel-Expires", "60"}, 200, true, false},
		{"own-policy-replaced-here", strings.Replace(nonceSection, "{content", "{routes: [{match: /, existing: replace}], content", 1), "text/html", text, []string{"Content-Security-Policy", "script-src 'nonce-x'"}, 200, true, false},
		{"own-policy-kept-here", strings.Replace(nonceSection, "{content", "{existing: replace, routes: [{match: /, existing: keep}], content", 1), "text/html", text, []string{"Content-Security-Policy", "script-src 'nonce-x'"}, 200, false, false},
		{"only-elsewhere", "headers: {routes: [{match: /b, content_security_policy: {nonces: [script-src]}}]}\n", "text/html", text, nil, 200, false, false},
		{"only-here", "headers: {routes: [{match: /, content_security_policy: {nonces: [script-src, style-src]}}]}\n", "text/html", text, nil, 200, true, false},
		{"not-here", strings.Replace(nonceSection, "{content", "{routes: [{match: /, content_security_policy: {directives: {script-src: [\"'self'\"]}}}], content", 1), "text/html", text, nil, 200, false, false},
		{"reported", "mode: report\n" + nonceSection, "text/html", text, nil, 200, false, false},
		{"without", "headers: {}\n", "text/html", text, nil, 200, false, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			policy := tt.policy
			if policy == "" {
				policy = nonceSection
			}
			asked := http.Header{}
			g := start(t, func(w http.ResponseWriter, r *http.Request) {
				asked = r.Header.Clone()
				w.Header().Set("Content-Type", tt.contentType)
				w.Header().Set("ETag", `"e"`)
				w.Header().Set("Last-Modified", "Fri, 27 Nov 2026 12:00:00 GMT")
				for i := 0; i < len(tt.headers); i += 2 {
					w.Header().Set(tt.headers[i], tt.headers[i+1])
				}
				w.WriteHeader(tt.status)
				for _, b := range []byte(tt.body) {
					w.Write([]byte{b})
					w.(http.Flusher).Flush()
				}
			}, options{policy: policy + "errors: off\n"})
			for _, method := range []string{"GET", "HEAD"} {
				req, _ := http.NewRequest(method, g.url+"/", nil)
				req.Header.Set("Accept", "text/html,*/*")
				req.Header.Set("Accept-Encoding", "br, gzip")
				req.Header.Set("If-None-Match", `"e"`)
				req.Header.Set("Range", "bytes=0-1")
				res, err := g.client.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				body, err := io.ReadAll(res.Body)
				if res.Body.Close(); err != nil {
					t.Fatal(err)
				}
				want := tt.body
				if tt.blessed {
					m := policyNonce.FindStringSubmatch(res.Header.Get("Content-Security-Policy"))
					if m == nil {
						t.Fatalf("the policy is %s", res.Header.Get("Content-Security-Policy"))
					}
					want = strings.NewReplacer("<script", "<script nonce="+m[1]+" ", "<style", "<style nonce="+m[1]+" ").Replace(want)
				}
				if method == "HEAD" {
					want = ""
				}
				if string(body) != want {
					t.Errorf("%s: got %s; want %s", method, body, want)
				}
				if cached := res.Header.Get("ETag") != "" || res.Header.Get("Cdn-Cache-Control") != "" || res.Header.Get("X-Accel-Expires") != "" || res.Header.Get("Last-Modified") != "" || res.Header.Get("Cache-Control") != "no-store"; cached == tt.blessed {
					t.Errorf("%s: ETag %q, Cache-Control %q", method, res.Header.Get("ETag"), res.Header.Get("Cache-Control"))
				}
				nonces := tt.name != "reported" && tt.name != "without" && tt.name != "only-elsewhere" && tt.name != "not-here"
				if read := asked.Get("Accept-Encoding") == "identity" && asked.Get("If-None-Match") == "" && asked.Get("Range") == ""; read != nonces {
					t.Errorf("%s: the app was asked with %v", method, asked)
				}
			}
			if logged := strings.Count(g.log.String(), "a page has no nonces"); (logged == 1) != tt.logged || logged > 1 {
				t.Errorf("logged %d times", logged)
			}
		})
	}
}

// A page streams: what has come leaves, but for an unfinished tag.
func TestNoncesHoldNothingBack(t *testing.T) {
	next := make(chan bool)
	g := start(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		for _, chunk := range []string{"<p>one</p><scr", "ipt sr", "c=a></script>", "two"} {
			fmt.Fprint(w, chunk)
			w.(http.Flusher).Flush()
			<-next
		}
	}, options{policy: nonceSection})
	req, _ := http.NewRequest("GET", g.url+"/", nil)
	req.Header.Set("Accept", "text/html")
	res, err := g.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	read := func(want string) {
		t.Helper()
		b := make([]byte, len(want))
		if _, err := io.ReadFull(res.Body, b); err != nil || string(b) != want {
			t.Fatalf("got %q, %v; want %q", b, err, want)
		}
	}
	nonce := policyNonce.FindStringSubmatch(res.Header.Get("Content-Security-Policy"))[1]
	read("<p>one</p><scr")
	next <- true
	read("ipt")
	next <- true
	read(" nonce=" + nonce + "  src=a></script>")
	next <- true
	read("two")
	next <- true
}
