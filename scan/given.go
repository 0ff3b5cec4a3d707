// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/cookies"
)

// Account is a user of the app that an active scan acts as: one that signs in with
// User and Password, or one that is signed in and says so with Header. Nothing of it
// but its name is in a report.
type Account struct {
	User, Password string
	Header         string // "Authorization: Bearer …" or "Cookie: …"
}

func (a Account) check() error {
	switch {
	case a == Account{}:
		return nil
	case a.Header != "" && a.User+a.Password != "":
		return errors.New("an account has a password or a header, not both")
	case a.Header != "":
		_, err := a.signedIn()
		return err
	case a.User == "" || a.Password == "":
		return errors.New("an account needs a name and a password")
	}
	return nil
}

// signedIn is the account that the header speaks for. Its errors show nothing of it.
func (a Account) signedIn() (*account, error) {
	u := &account{in: true}
	name, value, _ := strings.Cut(a.Header, ":")
	value = strings.TrimSpace(value)
	if strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r > '~' }) {
		return nil, errors.New("the account's header holds what no header may")
	}
	switch strings.ToLower(strings.TrimSpace(name)) {
	case "authorization":
		scheme, token, ok := strings.Cut(value, " ")
		if ok && strings.EqualFold(scheme, "bearer") && token != "" {
			u.token = strings.TrimSpace(token)
			return u, nil
		}
	case "cookie":
		var err error
		if u.cookies, err = http.ParseCookie(value); err == nil {
			return u, nil
		}
	}
	return nil, errors.New(`the account's header is neither "Authorization: Bearer …" nor "Cookie: …"`)
}

// theirs is the account that was given, or nil.
func (s *scan) theirs() *account {
	if s.Account.Header == "" {
		if s.Account.User == "" {
			return nil
		}
		return &account{given: s.Account.User, password: s.Account.Password}
	}
	u, err := s.Account.signedIn()
	if err != nil {
		return nil // check has refused it
	}
	return u
}

// judgeGiven judges what an account that is signed in is known by.
func (s *scan) judgeGiven(u *account) {
	if t, ok := parseToken(u.token); ok {
		s.judgeToken(s.page, "the account's token", t)
	}
	for _, k := range u.cookies {
		s.judgeSecrets(s.page, cookies.Cookie{Name: k.Name, Value: k.Value})
	}
}

const (
	// leastSecret is how long a text is that is looked for in the report: a shorter one
	// is in it by chance.
	leastSecret = 4
	// mostShown is more than is left of any text that evidence cuts.
	mostShown = 600
)

// secrets are the texts that no report shows, the longest first.
func (s *scan) secrets() []string {
	out := []string{s.Account.Password}
	all := s.own
	if s.app.user != nil {
		all = append(slices.Clone(all), s.app.user)
	}
	for _, u := range all {
		out = append(out, u.password, u.token)
		for _, k := range u.cookies {
			out = append(out, k.Value)
		}
	}
	slices.SortStableFunc(out, func(a, b string) int { return len(b) - len(a) })
	return out
}

// hideAll takes the accounts' secrets out of everything that the report says, however
// an app came to show them.
func (s *scan) hideAll() {
	if s.app == nil {
		return
	}
	var pairs []string
	for _, secret := range s.secrets() {
		if len(secret) < leastSecret {
			continue
		}
		inJSON := quoteJSON(secret)
		for _, text := range []string{secret, inJSON[1 : len(inJSON)-1], url.QueryEscape(secret), url.PathEscape(secret)} {
			pairs = append(pairs, text, "***")
		}
		// Evidence is cut, maybe in the middle of one.
		for n := min(len(secret)-1, mostShown); n >= leastSecret; n-- {
			pairs = append(pairs, secret[:n]+"…", "***…")
		}
	}
	hide := strings.NewReplacer(pairs...)
	all := func(lines []string) {
		for i := range lines {
			lines[i] = hide.Replace(lines[i])
		}
	}
	for i := range s.report.Findings {
		f := &s.report.Findings[i]
		f.Message, f.Location.URL, f.Anchor = hide.Replace(f.Message), hide.Replace(f.Location.URL), hide.Replace(f.Anchor)
		all(f.Evidence)
	}
	all(s.report.Run.Notes)
	all(s.report.Run.Left)
	for i := range s.report.Mistakes {
		s.report.Mistakes[i].Reason = hide.Replace(s.report.Mistakes[i].Reason)
	}
	s.report.Run.Stopped = hide.Replace(s.report.Run.Stopped)
}
