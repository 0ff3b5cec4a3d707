// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// vector is one call of jsonwebtoken's verify() and what came of it.
type vector struct {
	ID      string
	Test    string
	JSON    bool `json:"json_representable"`
	Token   any
	Key     struct{ Type, Value, PEM string }
	Options map[string]any
	NowS    int64 `json:"now_s"`
	Expect  string
	Error   struct{ Message string }
	Payload any
}

// stricter is where we refuse what jsonwebtoken accepts, on purpose.
var stricter = map[error]string{
	errNoExpiry:   "exp is required",
	errNoAudience: "a token with an aud is refused where no audience is configured (RFC 7519 section 4.1.3)",
	errAlgorithm:  "alg none is accepted under no configuration",
	errType:       "typ must be JWT or at+jwt where it is there (RFC 8725 section 3.11)",
	errTooLong:    "exp is capped",
	errDate:       "times are numbers of seconds before the year 10000",
	errFuture:     "iat must not be in the future",
	errObject:     "the payload must be a JSON object (RFC 7519 section 7.2)",
	errExpired:    "no option ignores exp",
	errNotYet:     "no option ignores nbf",
	errWeaken:     "the clock may be off by 60 s at most",
	errCurve:      "EC keys with explicit curve parameters are not read (RFC 5480 section 2.1.1)",
}

var update = flag.Bool("update", false, "write the golden files anew")

// The vectors are jsonwebtoken's own suite, all 263 of them. Options that are wishes about
// the caller's own claims (subject, jwtid, nonce, maxAge) are played as a caller would write
// them; an option, a key or a token of a type that Go would not compile is refused by that.
//
// Most of their tokens have no exp, which is required here. So that this hides nothing,
// each of those is judged once more with one: then it must be as jsonwebtoken says.
//
// testdata/jwt-stricter.golden is the list of where we refuse what it accepts.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../shared/vectors/jwt.json")
	if err != nil {
		t.Skipf("SKIPPED: THE JWT VECTORS ARE NOT THERE, NOTHING WAS COMPARED: %v", err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	same, strict := 0, []string{}
	for _, v := range file.Cases {
		err := v.play(t)
		switch {
		case v.Expect == "reject" && err == nil:
			t.Errorf("%s: accepted, jsonwebtoken says %q (%s)", v.ID, v.Error.Message, v.Test)
		case v.Expect == "reject" || err == nil:
			same++
		default:
			reason := ""
			for e, text := range stricter {
				if errors.Is(err, e) {
					reason = text
				}
			}
			_, ignored := v.Options["ignoreExpiration"]
			_, early := v.Options["ignoreNotBefore"]
			if reason == "" || errors.Is(err, errExpired) && !ignored || errors.Is(err, errNotYet) && !early {
				t.Errorf("%s: refused (%v), jsonwebtoken accepts (%s)", v.ID, err, v.Test)
			}
			strict = append(strict, v.ID+" "+reason)
		}
	}
	t.Logf("%d vectors: %d the same, %d stricter on purpose", len(file.Cases), same, len(strict))
	const golden = "testdata/jwt-stricter.golden"
	got := strings.Join(strict, "\n") + "\n"
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if want, err := os.ReadFile(golden); err != nil || string(want) != got {
		t.Errorf("%s differs, %v (go test ./token -run TestVectors -update writes it anew); got:\n%s", golden, err, got)
	}
}

var (
	errTyped  = errors.New("a type that Go would not compile")
	errCaller = errors.New("the caller's own comparison of a claim")
	errWeaken = errors.New("an option that weakens the check")
	errCurve  = errors.New("an EC key with explicit curve parameters")
)

// play verifies the vector's token, and with it the caller's own wishes.
func (v *vector) play(t *testing.T) error {
	text, ok := v.Token.(string)
	tok, now, err := v.tokens()
	if !ok || errors.Is(err, errTyped) {
		return errTyped
	}
	if err != nil {
		return err
	}
	c, err := tok.verify(t.Context(), text)
	if errors.Is(err, errNoExpiry) {
		_, payload, _, _ := split(text)
		raw := bytes.TrimSpace(must(strictJSON(payload)))
		if at := bytes.LastIndexByte(raw, '}'); at > 0 && len(raw) > 2 {
			raw = fmt.Appendf(raw[:at:at], `,"exp":%d}`, now.Add(time.Minute).Unix())
		} else {
			raw = fmt.Appendf(nil, `{"exp":%d}`, now.Add(time.Minute).Unix())
		}
		with, other := tok.claims(raw, now)
		if other == nil {
			other = v.wishes(with, now, tok.leeway)
		}
		reason := ""
		for e, text := range stricter {
			if errors.Is(other, e) {
				reason = text
			}
		}
		if accepted := other == nil; accepted != (v.Expect == "accept") && (accepted || reason == "") {
			t.Errorf("%s: with an exp %v, jsonwebtoken says %s (%s)", v.ID, other, v.Expect, v.Test)
		}
		return err
	}
	if err != nil {
		return err
	}
	if err := v.wishes(c, now, tok.leeway); err != nil {
		return err
	}
	if got, want := string(must(json.Marshal(c))), string(must(json.Marshal(v.Payload))); v.Expect == "accept" && got != want {
		t.Errorf("%s: claims %s; want %s", v.ID, got, want)
	}
	return nil
}

func strictJSON(payload string) ([]byte, error) { return strict.DecodeString(payload) }

// wishes are what a caller compares by himself.
func (v *vector) wishes(c Claims, now time.Time, leeway time.Duration) error {
	for option, claim := range map[string]string{"subject": "sub", "jwtid": "jti", "nonce": "nonce"} {
		o, given := v.Options[option]
		if !given {
			continue
		}
		want, ok := o.(string)
		if !ok || option == "nonce" && strings.TrimSpace(want) == "" {
			return errTyped
		}
		if c.Text(claim) != want {
			return errCaller
		}
	}
	o, given := v.Options["maxAge"]
	if !given {
		return nil
	}
	age, ok := timespan(o)
	if !ok {
		return errTyped
	}
	iat, err := date(c["iat"])
	if err != nil || !now.Before(iat.Add(age+leeway)) {
		return errCaller
	}
	return nil
}

// timespan reads what the vectors have of package ms.
func timespan(o any) (time.Duration, bool) {
	if n, ok := o.(float64); ok {
		return time.Duration(n * float64(time.Second)), true
	}
	s, _ := o.(string)
	d, ok := map[string]time.Duration{"3s": 3 * time.Second, "-3s": -3 * time.Second, "1 min": time.Minute, "1000y": time.Duration(math.MaxInt64) / 2}[s]
	return d, ok
}

// tokens expresses a vector's key and options. Test keys are weak on
// purpose, so New's refusal of them is passed by.
func (v *vector) tokens() (tok *Tokens, now time.Time, err error) {
	cfg := Config{MaxLifetime: maxLifetime}
	algorithms := []string{"HS256", "HS384", "HS512"}
	var leeway time.Duration
	now = time.Unix(v.NowS, 0)
	for name, o := range v.Options {
		switch name {
		case "algorithm", "complete", "typ", "jetid", "exp", "nbf": // no options of verify, or about the form of its result
		case "subject", "jwtid", "nonce", "maxAge": // of wishes
		case "ignoreExpiration", "ignoreNotBefore", "allowInvalidAsymmetricKeyTypes": // there is no such option
		case "algorithms":
			algorithms = nil
			for _, a := range o.([]any) {
				algorithms = append(algorithms, a.(string))
			}
			cfg.Algorithms = algorithms
		case "issuer":
			switch o := o.(type) {
			case string:
				cfg.Issuer = o
			case []any: // a rule for each: it is the one of them that the token names, if any is
				cfg.Issuer = o[0].(string)
				for _, one := range o {
					if one == v.claim("iss") {
						cfg.Issuer = one.(string)
					}
				}
			}
		case "audience":
			cfg.Audience = v.audiences(o)
		case "clockTolerance":
			leeway = time.Duration(o.(float64) * float64(time.Second))
			if leeway > maxLeeway {
				return nil, now, errWeaken
			}
		case "clockTimestamp":
			s, ok := o.(float64)
			if !ok {
				return nil, now, errTyped
			}
			now = time.Unix(int64(s), 0)
		default:
			return nil, now, fmt.Errorf("option %s is not known", name)
		}
	}
	switch v.Key.Type {
	case "utf8":
		k := &key{sign: []byte(v.Key.Value), verify: []byte(v.Key.Value)}
		tok = &Tokens{set: []*key{k}}
		for _, a := range algorithms {
			if slices.Contains([]string{"HS256", "HS384", "HS512"}, a) {
				k.methods = append(k.methods, jwt.GetSigningMethod(a))
			}
		}
		if len(k.methods) == 0 {
			return nil, now, errAlgorithm
		}
		tok.issuer, tok.audience, tok.maxLifetime = cfg.Issuer, cfg.Audience, cfg.MaxLifetime
	case "pem":
		cfg.PublicKey = v.Key.PEM
		if cfg.Algorithms == nil {
			for _, list := range [][]string{{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, {"ES256"}, {"ES384"}, {"ES512"}} {
				cfg.Algorithms = list
				if _, err := New(cfg); err == nil {
					break
				}
			}
		}
		if tok, err = New(cfg); err != nil {
			if strings.Contains(v.Test, "ES256") && strings.Contains(err.Error(), "public_key: cannot be read as a public key") {
				return nil, now, errCurve
			}
			return nil, now, err
		}
	case "null", "undefined":
		if _, err = New(Config{Secret: []byte{}, Algorithms: cfg.Algorithms}); err == nil {
			return nil, now, nil
		}
		if slices.Equal(cfg.Algorithms, []string{"none"}) {
			err = errAlgorithm
		}
		return nil, now, err
	default:
		return nil, now, errTyped
	}
	tok.leeway = leeway
	tok.now = func() time.Time { return now }
	return tok, now, nil
}

// claim is what the token says, unchecked.
func (v *vector) claim(name string) any {
	_, payload, _, _ := split(v.Token.(string))
	var c map[string]any
	if raw, err := strictJSON(payload); err != nil || json.Unmarshal(raw, &c) != nil {
		return nil
	}
	return c[name]
}

// audiences are those of the option. In the place of a regular expression stand those of
// the token's that it matches, or one that no token has.
func (v *vector) audiences(o any) (all []string) {
	list, ok := o.([]any)
	if !ok {
		list = []any{o}
	}
	for _, one := range list {
		switch one := one.(type) {
		case string:
			all = append(all, one)
		case map[string]any:
			if one["$js"] == "undefined" {
				continue
			}
			all = append(all, "\x00")
			re := regexp.MustCompile(one["$regex"].(string))
			have, isList := v.claim("aud").([]any)
			if !isList {
				have = []any{v.claim("aud")}
			}
			for _, aud := range have {
				if text, _ := aud.(string); text != "" && re.MatchString(text) {
					all = append(all, text)
				}
			}
		}
	}
	return all
}
