// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package attack

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// account is what a new user registers with.
type account struct {
	name, email, password string
}

// newAccount invents a user that any sound shop accepts.
func newAccount() account {
	id := strings.ToLower(rand.Text())[:12]
	return account{"Runner", "runner-" + id + "@shop.example", "Quiet-" + rand.Text()[:12]}
}

// json returns the account's registration as JSON with more members before
// the closing brace.
func (n account) json(more string) string {
	return fmt.Sprintf(`{"name":%q,"email":%q,"password":%q%s}`, n.name, n.email, n.password, more)
}

// form returns the account's registration as a form with more parameters.
func (n account) form(more string) string {
	return "name=" + n.name + "&email=" + strings.ReplaceAll(n.email, "@", "%40") + "&password=" + n.password + more
}

// profile is a user as the shop shows it. The fields are what came, because
// an attack may have stored any type.
type profile struct {
	Name  any `json:"name"`
	Email any `json:"email"`
	Role  any `json:"role"`
}

// member is a registered user who has logged in.
type member struct {
	account
	token   string
	cookies []*http.Cookie
}

// join is the legitimate life of a user: register, log in, read the own
// profile. The attacks use it as their control.
func (c *client) join(ctx context.Context) (member, error) {
	m := member{account: newAccount()}
	a := c.do(ctx, postJSON("/api/users", m.json("")))
	if a.err != nil {
		return m, a.err
	}
	if a.status != http.StatusCreated {
		return m, fmt.Errorf("a new user was answered %d at POST /api/users; want 201", a.status)
	}
	a = c.do(ctx, postJSON("/api/login", credentials(m.email, m.password)))
	if a.err != nil {
		return m, a.err
	}
	if m.token = tokenOf(a); m.token == "" {
		return m, fmt.Errorf("the right password was answered %d without a token at POST /api/login", a.status)
	}
	m.cookies = (&http.Response{Header: a.header}).Cookies()
	p, ok := c.me(ctx, m.token)
	if !ok || p.Name != m.name || p.Email != m.email {
		return m, fmt.Errorf("GET /api/me does not show the user who asks")
	}
	if c.isAdmin(ctx, m.token) {
		return m, fmt.Errorf("GET /api/admin/users is open to every user")
	}
	return m, nil
}

// credentials returns the body of an ordinary login.
func credentials(email, password string) string {
	body, _ := json.Marshal(map[string]string{"email": email, "password": password})
	return string(body)
}

// tokenOf returns the token of a successful login, or "".
func tokenOf(a answer) string {
	var body struct {
		Token string `json:"token"`
	}
	if a.status != http.StatusOK || !a.decode(&body) {
		return ""
	}
	return body.Token
}

// me returns the profile that a token opens.
func (c *client) me(ctx context.Context, token string) (p profile, ok bool) {
	if token == "" {
		return p, false
	}
	q := get("/api/me")
	q.token = token
	a := c.do(ctx, q)
	return p, a.status == http.StatusOK && a.decode(&p)
}

// owns reports whether a token is that of the user with this e-mail address.
func (c *client) owns(ctx context.Context, token, email string) bool {
	p, ok := c.me(ctx, token)
	return ok && p.Email == email
}

// isAdmin reports whether a token opens the list of all users. The list must
// name the administrator: an empty answer proves nothing.
func (c *client) isAdmin(ctx context.Context, token string) bool {
	if token == "" {
		return false
	}
	q := get("/api/admin/users")
	q.token = token
	a := c.do(ctx, q)
	var users []profile
	return a.status == http.StatusOK && a.decode(&users) &&
		slices.ContainsFunc(users, func(p profile) bool { return p.Email == adminEmail })
}
