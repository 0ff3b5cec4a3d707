// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"slices"
	"strings"

	"github.com/panoply-security/panoply/inspect"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	// maxAccounts is how many accounts of one request are counted apart. All
	// requests that name more are counted as one account.
	maxAccounts  = 16
	manyAccounts = "(many)"
)

// Account is one that a request names.
type Account struct {
	name string // as it is counted
	// as is how the request writes it, "" where it does so in several ways, or at
	// too great a length. Devices go by it, and not by the account of one count: who
	// can register Ádmin has not logged in to admin.
	as string
	// byPassword says that the request has a password, and nothing else that an app
	// may let it in by.
	byPassword bool
}

// Accounts are the accounts that a request names, each once: the values of the
// usual fields. A rule keyed by account counts for each of them, so that a decoy
// in one field does not hide the account in another. field is asked for names in
// lower case; [Named] looks further.
func Accounts(field func(name string) string) []Account {
	if field == nil {
		return nil
	}
	n := Named{byAccount: true}
	for _, name := range accountFields {
		n.hear(name, field(name))
	}
	for name, r := range roles {
		if r != accountRole {
			n.hear(name, field(name))
		}
	}
	return n.Accounts()
}

// Named are the texts of a request that limits are keyed by: [inspect.Texts]. An
// account is looked for in query and body at any depth, in every value of the usual
// fields, whose case does not matter: what an app takes for it is for the app to
// know. A field of a key is the body's own, and holds one text.
type Named struct {
	fields    []string // folded
	byAccount bool

	values   map[string]string // by folded name
	repeated string            // where a field holds several texts

	accounts        []Account
	idle            []Account // such as buttons name, while nobody else is named
	password, other bool      // ways to be let in
}

// Named returns a collection for the rules of these numbers, nil where none of them
// needs it.
func (l *Limiter) Named(numbers []int) *Named {
	var n *Named
	for _, number := range numbers {
		c := l.rules[number]
		if !l.NeedsBody(number) {
			continue
		}
		if n == nil {
			n = new(Named)
		}
		n.byAccount = n.byAccount || c.byAccount
		for _, p := range c.key {
			if p.kind == partBody {
				n.fields = append(n.fields, foldName(p.name))
			}
		}
	}
	return n
}

// Wants reports whether a limit may go by the text.
func (n *Named) Wants(p *inspect.Path) bool {
	if n == nil {
		return false
	}
	return n.byAccount && roles[foldName(p.Member())] != 0 || n.isField(p)
}

func (n *Named) isField(p *inspect.Path) bool {
	return len(n.fields) > 0 && p.Place == inspect.Body && p.Outer() != "" && slices.Contains(n.fields, foldName(p.Outer()))
}

// Text keeps a text. An empty one, as of a file, names nobody.
func (n *Named) Text(p *inspect.Path, text string) {
	if n.byAccount {
		n.hear(foldName(p.Member()), text)
	}
	if text == "" || !n.isField(p) {
		return
	}
	name := foldName(p.Outer())
	text = strings.Clone(text[:min(len(text), maxAccount+1)]) // it may be kept for longer than the body
	if before, there := n.values[name]; there && before != text {
		n.repeated = p.Pointer()
	}
	if n.values == nil {
		n.values = map[string]string{}
	}
	n.values[name] = text
}

// hear notes what a field of a login says.
func (n *Named) hear(name, text string) {
	if text == "" {
		return
	}
	switch roles[name] {
	case accountRole:
		n.account(text)
	case passwordRole:
		n.password = true
	case kindRole:
		n.other = n.other || !slices.Contains(passwordKinds, text)
	case proofRole:
		n.other = true
	}
}

func (n *Named) account(text string) {
	if len(n.accounts) > maxAccounts {
		return // they are many, whoever else is named
	}
	name, as := fold(text), ""
	if len(text) <= maxAccount {
		as = strings.Clone(text)
	}
	if idleWords[name] {
		n.idle = append(n.idle[:0], Account{name: name, as: as})
		return
	}
	switch i := slices.IndexFunc(n.accounts, func(a Account) bool { return a.name == name }); {
	case name == "":
	case i < 0:
		n.accounts = append(n.accounts, Account{name: name, as: as})
	case i >= 0 && n.accounts[i].as != as:
		n.accounts[i].as = ""
	}
}

// Field is the text of a field, "" for one that is not there.
func (n *Named) Field(name string) string {
	if n == nil {
		return ""
	}
	return n.values[foldName(name)]
}

// Accounts are the accounts that the request names, each once.
func (n *Named) Accounts() []Account {
	switch {
	case n == nil:
		return nil
	case len(n.accounts) > maxAccounts:
		return []Account{{name: manyAccounts}}
	case len(n.accounts) == 0:
		n.accounts = n.idle
	}
	for i := range n.accounts {
		n.accounts[i].byPassword = n.password && !n.other
	}
	return n.accounts
}

// Check refuses a request that holds several texts in a field which a limit is
// keyed by: each would be counted apart from the one that the app goes by.
func (n *Named) Check() error {
	if n == nil || n.repeated == "" {
		return nil
	}
	e := problem.Refuse(rule.ValidateSchema, "")
	e.Fields = []problem.Field{{Pointer: n.repeated, Detail: "It must hold one value."}}
	return e
}

// role is what a field of a login is for.
type role uint8

const (
	accountRole  role = 1 + iota // names the account
	passwordRole                 // carries the password
	// A request may be let in by something else than the password that is in it.
	// Then the password, and the account with it, prove nothing.
	kindRole  // says what the request is let in by
	proofRole // is something else to be let in by
)

// passwordKinds are what a field of kindRole says where it is the password.
var passwordKinds = []string{"password", "local", "credentials", "email"}

// roles are the usual fields, folded.
var roles = func() map[string]role {
	all := map[string]role{}
	for r, names := range map[role][]string{
		accountRole:  accountFields,
		passwordRole: {"password", "passwd", "pass", "pwd", "passphrase", "userpassword", "user_password"},
		kindRole:     {"grant_type", "granttype", "provider", "strategy"},
		proofRole:    {"refresh_token", "refreshtoken", "access_token", "accesstoken", "id_token", "idtoken", "assertion", "credential"},
	} {
		for _, name := range names {
			all[name] = r
		}
	}
	return all
}()

// accountFields are the fields in which logins name the account.
var accountFields = []string{
	"email", "mail", "emailaddress", "email_address", "username", "user", "user_name", "userid", "user_id", "uid", "login", "loginid", "login_id",
	"account", "identifier", "nickname", "handle", "name", "phone", "phonenumber", "phone_number", "mobile",
}

// idleWords are what buttons and flags in fields such as login and account say, folded. All
// logins of a site have them, and must not share an account. Alone they are one.
var idleWords = func() map[string]bool {
	all := map[string]bool{}
	for _, word := range []string{
		"true", "false", "on", "off", "yes", "no", "ok", "0", "1", "null", "undefined", "none", "default",
		"Log in", "log-in", "log_in", "login", "Sign in", "sign-in", "sign_in", "signin", "submit", "send", "go", "enter", "continue", "next", "start",
		"personal", "private", "business", "company", "user", "customer", "member", "guest", "local", "email", "username", "phone", "web", "mobile",
		"Anmelden", "Einloggen", "Connexion", "Se connecter", "Iniciar sesión", "Entrar", "Acceder", "Accedi", "Entra", "Inloggen", "Zaloguj", "Войти", "登录", "ログイン", "로그인",
	} {
		all[fold(word)] = true
	}
	return all
}()

// foldName makes one of the spellings of a field's name that Go's encoding/json
// takes for one.
func foldName(name string) string {
	for i := range len(name) {
		if c := name[i]; c >= 0x80 || 'A' <= c && c <= 'Z' {
			return strings.ToLower(strings.ToUpper(name))
		}
	}
	return name
}
