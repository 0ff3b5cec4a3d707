// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"net/http"
	"strings"
	"testing"
)

// marker stands for every secret that a client or an app may send.
const marker = "s3cr3tMARKERzzz"

// tellings are requests that carry the marker and are refused, each anew.
func tellings() map[string]*http.Request {
	long := strings.Repeat("x", 300<<10)
	jsonBody := func(s string) *http.Request { return postJSON("/x", strings.ReplaceAll(s, "SECRET", marker)) }
	typed := func(contentType, body string) *http.Request {
		return request("POST", "/x", strings.ReplaceAll(body, "SECRET", marker), "Content-Type", contentType)
	}
	return map[string]*http.Request{
		"operator":            jsonBody(`{"password":{"$ne":"SECRET"}}`),
		"malformed-json":      jsonBody(`{"password":SECRET}`),
		"malformed-json-end":  jsonBody(`{"password":"SECRET"`),
		"malformed-string":    jsonBody("{\"password\":\"SECRET\x01\"}"),
		"bad-utf8":            jsonBody("{\"password\":\"SECRET\xff\"}"),
		"trailing":            jsonBody(`{"a":1}SECRET`),
		"duplicate-value":     jsonBody(`{"a":"SECRET","a":"SECRET"}`),
		"too-large":           jsonBody(`{"a":"SECRET` + long + `"}`),
		"charset":             typed("application/json; charset="+marker, `{}`),
		"type":                typed("application/json; "+marker, `{}`),
		"coding":              request("POST", "/x", marker, "Content-Type", "application/json", "Content-Encoding", marker),
		"broken-gzip":         request("POST", "/x", marker, "Content-Type", "application/json", "Content-Encoding", "gzip"),
		"form":                typed("application/x-www-form-urlencoded", "password=SECRET%zz"),
		"form-without-name":   typed("application/x-www-form-urlencoded", "SECRET%zz"),
		"form-operator":       typed("application/x-www-form-urlencoded", "password[$ne]=SECRET"),
		"lines":               typed("application/x-ndjson", "{\"a\":\"SECRET\"}\n{SECRET"),
		"text":                typed("text/plain", `{"a":{"$ne":"SECRET"}}`),
		"boundary":            typed("multipart/form-data; boundary="+marker+"(", "x"),
		"multipart":           typed("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=a; SECRET\r\n\r\nSECRET\r\n--b--\r\n"),
		"multipart-cut":       typed("multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nSECRET"),
		"file":                form("/x", part{"file", marker + ".exe", "application/octet-stream", "MZ" + marker}),
		"file-of-wrong-type":  form("/x", part{"file", marker + ".png", "image/png", marker}),
		"schema":              postJSON("/api/users", `{"name":17,"role":"`+marker+`"}`),
		"query":               request("GET", "/x?password="+marker+"%zz", ""),
		"query-operator":      request("GET", "/x?password[$ne]="+marker, ""),
		"cookie-operator":     request("GET", "/x", "", "Cookie", `sid=j:{"$ne":"`+marker+`"}`),
		"token":               request("GET", "/private", "", "Authorization", "Bearer "+marker),
		"token-two-dots":      request("GET", "/private", "", "Authorization", "Bearer "+marker+"."+marker+"."+marker),
		"token-of-claims":     request("GET", "/private", "", "Authorization", "Bearer "+forge("x", `{"sub":"`+marker+`"}`)),
		"scheme":              request("GET", "/private", "", "Authorization", marker+" x"),
		"foreign-token":       request("GET", "/app/x", "", "Authorization", "Bearer "+forge("x", `{"sub":"x"}`)+marker),
		"foreign-token-query": request("GET", "/app/x?token="+forge("x", `{"sub":"x"}`)+marker, ""),
		"foreign-token-body":  postJSON("/app/x", `{"token":"`+forge("x", `{"sub":"x"}`)+marker+`"}`),
		"connection":          request("GET", "/x", "", "Connection", "X-Key", "X-Key", marker),
		"override":            request("POST", "/api/users", "", "X-HTTP-Method-Override", marker),
		"repeated":            request("GET", "/x", "", "Authorization", marker, "Authorization", marker),
		"large-head":          request("GET", "/x", "", "X-Key", marker+strings.Repeat("x", 20<<10)),
	}
}

// Whatever is refused, reported or replaced, the log tells neither body nor
// query, header, cookie or token.
func TestNoSecretInTheLog(t *testing.T) {
	secret(t)
	for _, mode := range []string{"enforce", "report"} {
		policy := strings.Replace("mode: "+mode+allSections, "tokens: [", "tokens: [{match: /app/, reissue: {}}, ", 1)
		for name, r := range tellings() {
			if mode == "report" && name == "foreign-token-body" {
				continue // looked at only where tokens are swapped
			}
			t.Run(mode+"/"+name, func(t *testing.T) {
				a := behind(t, policy, nil)
				rec, _ := a.send(r)
				if mode == "enforce" && (rec.Code < 400 || rec.Code == http.StatusTeapot) {
					t.Fatalf("status %d: nothing is refused", rec.Code)
				}
				if a.log.Len() == 0 {
					t.Fatal("nothing is logged")
				}
				if strings.Contains(a.log.String(), marker) {
					t.Errorf("the log tells it:\n%s", a.log)
				}
				if strings.Contains(rec.Body.String(), marker) {
					t.Errorf("the answer repeats it:\n%s", rec.Body)
				}
			})
		}
	}
}

// What the app says in an answer that is replaced goes to the log with its
// secrets masked.
func TestReplacedAnswersAreMaskedInTheLog(t *testing.T) {
	for name, text := range map[string]string{
		"connection-string": "MongoNetworkError: connect mongodb://admin:" + marker + "@10.0.0.7:27017",
		"named":             `{"error":"x","stack":"at f (/srv/a.js:1:1)","password":"` + marker + `"}`,
		"bearer":            "at f (/srv/a.js:1:1) Authorization: Bearer " + marker + marker,
	} {
		for _, code := range []int{400, 500} {
			t.Run(name, func(t *testing.T) {
				a := behind(t, "", func(w http.ResponseWriter, _ *http.Request) {
					w.Header().Set("Content-Type", "text/plain")
					w.WriteHeader(code)
					w.Write([]byte(text))
				})
				rec, _ := a.send(request("GET", "/x", ""))
				if strings.Contains(a.log.String()+rec.Body.String(), marker) || !strings.Contains(a.log.String(), "the app") {
					t.Errorf("the log says:\n%s\nthe answer:\n%s", a.log, rec.Body)
				}
			})
		}
	}
}
