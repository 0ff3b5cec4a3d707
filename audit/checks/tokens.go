// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package checks

import (
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/panoply-security/panoply/audit/model"
	"github.com/panoply-security/panoply/finding"
	"github.com/panoply-security/panoply/rule"
)

// Mistake 5: tokens, with jsonwebtoken, jose, jwt-simple, express-jwt and
// passport-jwt.

// decoded is a token that was read without its signature being looked at.
type decoded struct {
	e   *model.Event
	how string
}

// maxDecoded is how many of them are kept.
const maxDecoded = 500

func (r *run) tokenEvent(e *model.Event) {
	opts := arg(e.Args, 0)
	last := e.Lib.Path[strings.LastIndexByte(e.Lib.Path, '.')+1:]
	switch e.Lib.Mod {
	case "jsonwebtoken":
		switch last {
		case "sign":
			r.sign(e)
		case "verify":
			r.verify(e)
		case "decode":
			r.decode(e, "jwt.decode")
		}
	case "jose":
		r.jose(last, e)
	case "jwt-simple":
		switch last {
		case "encode":
			r.secret(rule.TokenWeakSecret, arg(e.Args, 1), e)
			r.ends(opts, e)
		case "decode":
			r.secret(rule.TokenWeakSecret, arg(e.Args, 1), e)
			if isTrue(arg(e.Args, 2)) {
				r.decode(e, "jwt.decode without verification")
			} else {
				r.verified(e)
			}
		}
	case "jwt-decode":
		r.decode(e, "jwt-decode")
	case "express-jwt", "koa-jwt":
		if secret, ok := option(opts, "secret"); ok {
			r.secret(rule.TokenWeakSecret, secret, e)
		}
		r.algorithms(opts, e)
	case "passport-jwt":
		if secret, ok := option(opts, "secretOrKey"); ok {
			r.secret(rule.TokenWeakSecret, secret, e)
		}
		r.verifyOptions(opts, e)
	}
}

// verified notes that a route verifies tokens.
func (r *run) verified(e *model.Event) {
	if e.Route != nil {
		r.verifies[e.Route] = true
	}
}

// decode notes a token that is read and may be verified elsewhere on the way.
func (r *run) decode(e *model.Event, how string) {
	if _, sent := model.One[*model.Taint](arg(e.Args, 0)); sent && e.Route != nil && len(r.decodes) < maxDecoded {
		r.decodes = append(r.decodes, decoded{e, how})
	}
}

// unverified reports the tokens that nothing on the way to the handler verifies.
func (r *run) unverified() {
	for _, d := range r.decodes {
		if !r.verifies[d.e.Route] && !verifiedBefore(d.e.Route) {
			r.add(rule.TokenUnverified, d.e.At, d.e, d.how+" reads a token without checking its signature", confidence(finding.Firm))
		}
	}
}

// verifiedBefore says whether a package's middleware verifies on the way.
func verifiedBefore(rt *model.Route) bool {
	for _, l := range rt.Chain {
		if c, ok := model.One[*model.Call](l.Handler); ok && (c.Lib.Mod == "express-jwt" || c.Lib.Mod == "passport" || strings.Contains(c.Lib.Mod, "oauth2-jwt")) {
			return true
		}
	}
	return false
}

func (r *run) sign(e *model.Event) {
	r.secret(rule.TokenWeakSecret, arg(e.Args, 1), e)
	opts := argOr(e.Args[min(2, len(e.Args)):])
	if _, isFunc := opts.(*model.Func); isFunc {
		opts = &model.Undef{}
	}
	if v, ok := option(opts, "algorithm"); ok {
		if s, _ := model.Constant(v); strings.EqualFold(s, "none") {
			r.add(rule.TokenAlgNone, e.At, e, "the token is not signed")
		}
	}
	if v, ok := option(opts, "expiresIn"); ok {
		r.lifetime(v, e)
		return
	}
	if closed(opts) {
		r.ends(arg(e.Args, 0), e)
	}
}

// ends reports a payload without an end.
func (r *run) ends(payload model.Value, e *model.Event) {
	if _, ok := option(payload, "exp"); ok || payload == nil {
		return
	}
	if o, ok := model.One[*model.Obj](payload); ok && o.Open {
		return
	}
	r.add(rule.TokenNoExpiry, e.At, e, "the token never expires: neither expiresIn nor exp is given")
}

// lifetime reports a token that lasts long.
func (r *run) lifetime(v model.Value, e *model.Event) {
	d, ok := duration(v)
	if !ok {
		return
	}
	most := longToken
	if refreshes.MatchString(e.At.Text()) {
		most = longRefresh
	}
	if d > most {
		r.add(rule.TokenLongLived, e.At, e, "the token holds for "+days(d))
	}
}

var span = regexp.MustCompile(`(?i)^\s*(\d*\.?\d+)\s*([a-z]*)\s*$`)

// units are those of the packages ms and jose.
var units = map[string]time.Duration{
	"": time.Millisecond, "ms": time.Millisecond, "msec": time.Millisecond, "msecs": time.Millisecond, "millisecond": time.Millisecond, "milliseconds": time.Millisecond,
	"s": time.Second, "sec": time.Second, "secs": time.Second, "second": time.Second, "seconds": time.Second,
	"m": time.Minute, "min": time.Minute, "mins": time.Minute, "minute": time.Minute, "minutes": time.Minute,
	"h": time.Hour, "hr": time.Hour, "hrs": time.Hour, "hour": time.Hour, "hours": time.Hour,
	"d": 24 * time.Hour, "day": 24 * time.Hour, "days": 24 * time.Hour,
	"w": 7 * 24 * time.Hour, "week": 7 * 24 * time.Hour, "weeks": 7 * 24 * time.Hour,
	"y": 8766 * time.Hour, "yr": 8766 * time.Hour, "yrs": 8766 * time.Hour, "year": 8766 * time.Hour, "years": 8766 * time.Hour,
}

// duration is how long a token holds: a number of seconds, or a text such as
// 15m. It is bounded at two centuries.
func duration(v model.Value) (time.Duration, bool) {
	const most = 200 * 365 * 24 * time.Hour
	if n, ok := number(v); ok {
		if n != n || n < 0 {
			return 0, false
		}
		return time.Duration(min(n, most.Seconds())) * time.Second, true
	}
	s, ok := model.Constant(v)
	if !ok {
		return 0, false
	}
	m := span.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	unit, ok := units[strings.ToLower(m[2])]
	n, err := strconv.ParseFloat(m[1], 64)
	if !ok || err != nil {
		return 0, false
	}
	return time.Duration(min(n*float64(unit), float64(most))), true
}

func (r *run) verify(e *model.Event) {
	r.verified(e)
	key := arg(e.Args, 1)
	r.secret(rule.TokenWeakSecret, key, e)
	switch x := key.(type) {
	case *model.Undef:
		r.add(rule.TokenAlgNone, e.At, e, "the token is verified without a key")
	case model.Str:
		if x.S == "" {
			r.add(rule.TokenAlgNone, e.At, e, "the token is verified without a key")
		}
	}
	r.verifyOptions(arg(e.Args, 2), e)
}

func (r *run) verifyOptions(opts model.Value, e *model.Event) {
	if v, ok := option(opts, "ignoreExpiration"); ok && isTrue(v) {
		r.add(rule.TokenNoExpiry, e.At, e, "expired tokens are accepted")
	}
	r.algorithms(opts, e)
}

func (r *run) algorithms(opts model.Value, e *model.Event) {
	list, _ := option(opts, "algorithms")
	if o, ok := model.One[*model.Obj](list); ok {
		for _, a := range o.Elems {
			if s, _ := model.Constant(a); strings.EqualFold(s, "none") {
				r.add(rule.TokenAlgNone, e.At, e, "unsigned tokens are accepted")
			}
		}
	}
}

// jose looks at what package jose is asked for.
func (r *run) jose(last string, e *model.Event) {
	switch last {
	case "jwtVerify", "compactVerify", "jwtDecrypt":
		r.verified(e)
		r.secret(rule.TokenWeakSecret, arg(e.Args, 1), e)
		r.algorithms(arg(e.Args, 2), e)
	case "decodeJwt":
		r.decode(e, "decodeJwt")
	case "UnsecuredJWT":
		if e.New {
			r.add(rule.TokenAlgNone, e.At, e, "the token is not signed")
		}
	case "sign":
		if !strings.Contains(e.Lib.Path, "SignJWT") && !chainHas(e.Lib.Of, "SignJWT") {
			return
		}
		r.secret(rule.TokenWeakSecret, arg(e.Args, 0), e)
		var payload model.Value
		for c, i := e.Lib.Of, 0; c != nil && i < 60; c, i = c.Lib.Of, i+1 {
			switch c.Lib.Path[strings.LastIndexByte(c.Lib.Path, '.')+1:] {
			case "setExpirationTime":
				if s, ok := arg(c.Args, 0).(model.Str); ok { // a number is a date
					r.lifetime(s, e)
				}
				return
			case "SignJWT":
				payload = arg(c.Args, 0)
			}
		}
		r.ends(payload, e)
	}
}

// chainHas says whether a chain of calls has one of a name.
func chainHas(c *model.Call, name string) bool {
	for i := 0; c != nil && i < 60; i++ {
		if strings.HasSuffix(c.Lib.Path, name) {
			return true
		}
		c = c.Lib.Of
	}
	return false
}
