// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package cookies

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// Policy is what every cookie gets. The zero value is the article's: Secure,
// HttpOnly, SameSite=Strict, and session cookies last an hour at most.
type Policy struct {
	// NoSecure leaves Secure to the app.
	NoSecure bool `yaml:"secure,not"`
	// SecureAlways adds Secure for clients that came over plain HTTP too. Their
	// browsers then drop the cookie.
	SecureAlways bool `yaml:"secure_always"`
	// NoHTTPOnly leaves HttpOnly to the app.
	NoHTTPOnly bool `yaml:"http_only,not"`
	// HTTPOnlySessionsOnly adds HttpOnly to session cookies alone, for apps
	// whose scripts read other cookies.
	HTTPOnlySessionsOnly bool `yaml:"http_only_sessions_only"`
	// SameSite is what cookies without a valid SameSite get. Default Strict.
	SameSite SameSite `yaml:"same_site"`
	// ForceSameSite replaces what the app says, too.
	ForceSameSite bool `yaml:"force_same_site"`
	// MaxAge is how long a session cookie lasts at most. Default 1h, at least a
	// second, at most 400 days, which is all that browsers allow.
	MaxAge time.Duration `yaml:"max_age"`
	// NoMaxAge leaves lifetimes to the app.
	NoMaxAge bool `yaml:"cap_lifetime,not"`
	// AddMaxAge gives a session cookie that ends with the browser's session
	// MaxAge as well, whether or not the user is still there.
	AddMaxAge bool `yaml:"add_max_age"`
	// Sessions names further session cookies: whole names, or starts as app_*.
	// The usual ones are known, see [IsSession].
	Sessions []string `yaml:"sessions"`
	// Except names cookies that stay as they are: whole names, or starts as
	// AWSALB*.
	Except []string `yaml:"except"`
	// Overrides say otherwise for some cookies. The first that names one counts.
	Overrides []Override `yaml:"overrides"`
}

// Override is what some cookies get in place of what all get. What it does not say is as
// for all.
type Override struct {
	// Names are whole names, or starts as app_*.
	Names []string `yaml:"names"`
	// Secure adds Secure, or leaves it to the app.
	Secure *bool `yaml:"secure"`
	// HTTPOnly adds HttpOnly, also to a CSRF cookie, or leaves it to the app.
	HTTPOnly *bool `yaml:"http_only"`
	// SameSite is what they get without a valid SameSite, and with ForceSameSite whatever
	// the app says.
	SameSite      SameSite `yaml:"same_site"`
	ForceSameSite bool     `yaml:"force_same_site"`
	// MaxAge is how long they last at most, session cookies or not.
	MaxAge time.Duration `yaml:"max_age"`
}

// SameSite is Strict, Lax, or off to leave it to the app.
type SameSite string

// Values lists what a policy file may say.
func (SameSite) Values() []string { return []string{"Strict", "Lax", "off"} }

const longest = 400 * 24 * time.Hour

// WithDefaults returns the policy with every default filled in.
func (p Policy) WithDefaults() Policy {
	if p.SameSite == "" {
		p.SameSite = "Strict"
	}
	if p.MaxAge == 0 {
		p.MaxAge = time.Hour
	}
	return p
}

// Warnings names what the policy weakens, in the words of the policy file.
func (p Policy) Warnings() []string {
	var w []string
	for _, s := range []struct {
		weak bool
		text string
	}{
		{p.NoSecure, "secure is off"},
		{p.NoHTTPOnly, "http_only is off"},
		{p.SameSite == "off", "same_site is off"},
		{p.NoMaxAge, "cap_lifetime is off"},
	} {
		if s.weak {
			w = append(w, s.text)
		}
	}
	for i, o := range p.Overrides {
		for _, s := range []struct {
			weak bool
			text string
		}{{o.Secure != nil && !*o.Secure, "secure"}, {o.HTTPOnly != nil && !*o.HTTPOnly, "http_only"}, {o.SameSite == "off", "same_site"}} {
			if s.weak {
				w = append(w, fmt.Sprintf("overrides[%d]: %s is off", i, s.text))
			}
		}
	}
	return w
}

// Hardener hardens cookies as one policy says. It is safe for concurrent use.
type Hardener struct {
	policy Policy
	all    treatment
	some   []treatment // by override
	now    func() time.Time
}

// treatment is what a cookie gets.
type treatment struct {
	Policy
	seconds  int64 // of MaxAge
	httpOnly *bool // whatever the cookie is
	cap      bool  // whatever the cookie is
}

// of is what the cookie of that name gets.
func (t *Hardener) of(name string) *treatment {
	for i := range t.some {
		if matches(t.policy.Overrides[i].Names, name) {
			return &t.some[i]
		}
	}
	return &t.all
}

// treat is the policy as an override has it.
func (p Policy) treat(o Override) treatment {
	r := treatment{httpOnly: o.HTTPOnly, cap: o.MaxAge != 0}
	if o.Secure != nil {
		p.NoSecure, p.SecureAlways = !*o.Secure, p.SecureAlways && *o.Secure
	}
	if o.SameSite != "" {
		p.SameSite, p.ForceSameSite = o.SameSite, false
	}
	p.ForceSameSite = p.ForceSameSite || o.ForceSameSite
	if o.MaxAge != 0 {
		p.MaxAge, p.NoMaxAge = o.MaxAge, false
	}
	r.Policy, r.seconds = p, int64(p.MaxAge/time.Second)
	return r
}

// New checks the policy.
func New(p Policy) (*Hardener, error) {
	p = p.WithDefaults()
	var faults fault.List
	p.check(&faults, "")
	wrong := len(faults) > 0
	for i, o := range p.Overrides {
		at := fmt.Sprintf("overrides[%d].", i)
		if len(o.Names) == 0 {
			faults.Add(at+"names", "it is for no cookie", "names: [app_*]")
		}
		checkNames(&faults, at+"names", o.Names)
		if !wrong { // else this would only be its echo
			p.treat(o).check(&faults, at)
		}
	}
	checkNames(&faults, "sessions", p.Sessions)
	checkNames(&faults, "except", p.Except)
	if err := faults.Err(); err != nil {
		return nil, err
	}
	t := &Hardener{policy: p, all: p.treat(Override{}), now: time.Now}
	for _, o := range p.Overrides {
		t.some = append(t.some, p.treat(o))
	}
	return t, nil
}

// check tells what is wrong with the flags, at a path.
func (p Policy) check(faults *fault.List, at string) {
	if p.SameSite != "Strict" && p.SameSite != "Lax" && p.SameSite != "off" {
		faults.Addf(at+"same_site", "Strict, Lax or off; a cookie for other sites says SameSite=None itself", "%q is not known", p.SameSite)
	}
	if p.SameSite == "off" && p.ForceSameSite {
		faults.Add(at+"force_same_site", "nothing to force while same_site is off", "same_site: Lax")
	}
	if p.MaxAge < time.Second || p.MaxAge > longest {
		faults.Addf(at+"max_age", "between 1s and 400d; cap_lifetime: false leaves lifetimes alone", "%v is out of range", p.MaxAge)
	}
	if p.NoMaxAge && p.AddMaxAge {
		faults.Add(at+"add_max_age", "nothing to add while cap_lifetime is off", "drop one of the two")
	}
	if p.NoSecure && p.SecureAlways {
		faults.Add(at+"secure_always", "nothing to add while secure is off", "drop one of the two")
	}
}

func checkNames(faults *fault.List, field string, names []string) {
	for i, name := range names {
		if start := strings.TrimSuffix(name, "*"); start == "" || strings.ContainsAny(start, "*=; \t\r\n") {
			faults.Addf(fmt.Sprintf("%s[%d]", field, i), "a whole name, or a start as app_*", "%q is no cookie name", name)
		}
	}
}

// Harden rewrites the Set-Cookie lines of an answer. tls says whether the
// client came over TLS. It returns how many lines it changed, and for each line
// that it dropped, the name and the reason, fit for the log.
func (t *Hardener) Harden(h http.Header, tls bool) (changed int, dropped []string) {
	lines := h["Set-Cookie"]
	if len(lines) == 0 {
		return 0, nil
	}
	now := t.now()
	var out []string // the app may share its slice between answers: copy to change
	for i, line := range lines {
		hard, err := t.line(line, tls, now)
		if out == nil && (err != nil || hard != line) {
			out = append(make([]string, 0, len(lines)), lines[:i]...)
		}
		switch {
		case err != nil:
			dropped = append(dropped, describe(line, err))
			continue
		case hard != line:
			changed++
		}
		if out != nil {
			out = append(out, hard)
		}
	}
	switch {
	case out == nil:
	case len(out) == 0:
		delete(h, "Set-Cookie")
	default:
		h["Set-Cookie"] = out
	}
	return changed, dropped
}

// describe names a dropped cookie without its value.
func describe(line string, err error) string {
	pair, _ := cut(line)
	name, _, ok := strings.Cut(pair, "=")
	if !ok {
		name = "" // all of it may be the value
	}
	return fmt.Sprintf("%.64q: %v", trim(name), err)
}

// Line hardens one Set-Cookie line. An error is a [Malformed].
func (t *Hardener) Line(line string, tls bool) (string, error) {
	return t.line(line, tls, t.now())
}

// fix is what one line has to get.
type fix struct {
	secure, httpOnly, path, addAge, capAge bool
	sameSite                               SameSite // empty leaves it
}

func (t *Hardener) line(line string, tls bool, now time.Time) (string, error) {
	c, err := Parse(line)
	if err != nil {
		return "", err
	}
	if matches(t.policy.Except, c.Name) || c.Deletion(now) {
		return line, nil
	}
	p := t.of(c.Name)
	if f := p.fix(&c, tls, now); f != (fix{}) {
		return p.rewrite(line, f, now), nil
	}
	return line, nil
}

// fix decides what the cookie lacks.
func (p *treatment) fix(c *Cookie, tls bool, now time.Time) fix {
	session := IsSession(c.Name) || matches(p.Sessions, c.Name)
	var f fix
	// A cookie that promises Secure by its name is dropped without it anyway.
	f.secure = !c.Secure && (!p.NoSecure && (tls || p.SecureAlways) || isHost(c.Name) || isSecure(c.Name))
	f.path = isHost(c.Name) && c.Path == ""
	httpOnly := !p.NoHTTPOnly && (session || !p.HTTPOnlySessionsOnly && !IsCSRF(c.Name))
	if p.httpOnly != nil {
		httpOnly = *p.httpOnly
	}
	f.httpOnly = httpOnly && !c.HTTPOnly
	f.sameSite = p.sameSite(c, c.Secure || f.secure)
	if (session || p.cap) && !p.NoMaxAge {
		f.capAge = c.longestAge > p.seconds || c.latestExpires.After(now.Add(p.MaxAge))
		f.addAge = p.AddMaxAge && !c.HasMaxAge && c.Expires.IsZero()
	}
	return f
}

// sameSite returns the SameSite to write, or "".
func (p *treatment) sameSite(c *Cookie, secure bool) SameSite {
	want := p.SameSite
	none := strings.EqualFold(c.SameSite, "None")
	switch {
	case p.ForceSameSite:
		if strings.EqualFold(c.SameSite, string(want)) {
			return ""
		}
		return want
	case c.SameSiteValid() && (!none || secure):
		return ""
	case want != "off":
		return want
	case c.SameSite != "": // browsers refuse it or take it for none at all
		return "Lax"
	}
	return ""
}

// rewrite writes the line anew: name, value, unknown attributes and the order
// stay.
func (p *treatment) rewrite(line string, f fix, now time.Time) string {
	var b strings.Builder
	b.Grow(len(line) + len("; Path=/; Max-Age=34560000; Secure; HttpOnly; SameSite=Strict"))
	pair, rest := cut(line)
	b.WriteString(pair)
	hasSameSite := false
	for rest != "" {
		var one string
		one, rest = cut(rest[1:])
		b.WriteByte(';')
		name, value := attribute(one)
		replaced := ""
		switch {
		case f.sameSite != "" && strings.EqualFold(name, "SameSite"):
			hasSameSite = true
			replaced = string(f.sameSite)
		case f.capAge && strings.EqualFold(name, "Max-Age"):
			if n, ok := parseSeconds(value); ok && n > p.seconds {
				replaced = strconv.FormatInt(p.seconds, 10)
			}
		case f.capAge && strings.EqualFold(name, "Expires"):
			if ends, ok := parseDate(value); ok && ends.After(now.Add(p.MaxAge)) {
				replaced = now.Add(p.MaxAge).UTC().Format(http.TimeFormat)
			}
		}
		if replaced == "" {
			b.WriteString(one)
			continue
		}
		before, _, _ := strings.Cut(one, "=")
		b.WriteString(strings.TrimRight(before, " \t"))
		b.WriteByte('=')
		b.WriteString(replaced)
	}
	if f.path {
		b.WriteString("; Path=/")
	}
	if f.addAge {
		b.WriteString("; Max-Age=")
		b.WriteString(strconv.FormatInt(p.seconds, 10))
	}
	if f.secure {
		b.WriteString("; Secure")
	}
	if f.httpOnly {
		b.WriteString("; HttpOnly")
	}
	if f.sameSite != "" && !hasSameSite {
		b.WriteString("; SameSite=")
		b.WriteString(string(f.sameSite))
	}
	return b.String()
}
