// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"encoding/json"
	"errors"
	"os"
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
}

// The vectors are jsonwebtoken's own suite. A vector with options that are
// wishes about the caller's own claims (subject, jwtid, nonce, maxAge) or that
// weaken the check (ignoreExpiration) cannot be expressed here.
func TestVectors(t *testing.T) {
	text, err := os.ReadFile("../../shared/vectors/jwt.json")
	if err != nil {
		t.Skipf("SKIPPED: THE JWT VECTORS ARE NOT THERE, NOTHING WAS COMPARED: %v", err)
	}
	var file struct{ Cases []vector }
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	same, strict, skipped := 0, map[string]int{}, map[string]int{}
	for _, v := range file.Cases {
		tok, why := vectorTokens(v)
		if why != "" {
			skipped[why]++
			continue
		}
		// The fault is in the key itself: New is where it is refused.
		if tok == nil {
			if v.Expect == "reject" {
				same++
			} else {
				strict["EC keys with explicit curve parameters (RFC 5480 section 2.1.1)"]++
				if !strings.Contains(v.Test, "ES256") {
					t.Errorf("%s: New does not take the key (%s)", v.ID, v.Test)
				}
			}
			continue
		}
		c, err := tok.verify(t.Context(), v.Token.(string))
		switch {
		case v.Expect == "reject" && err != nil:
			same++
		case v.Expect == "reject":
			t.Errorf("%s: accepted, jsonwebtoken says %q (%s)", v.ID, v.Error.Message, v.Test)
		case err == nil:
			same++
			if got, want := string(must(json.Marshal(c))), string(must(json.Marshal(v.Payload))); got != want {
				t.Errorf("%s: claims %s; want %s", v.ID, got, want)
			}
		default:
			reason := ""
			for e, text := range stricter {
				if errors.Is(err, e) {
					reason = text
				}
			}
			if reason == "" {
				t.Errorf("%s: refused (%v), jsonwebtoken accepts (%s)", v.ID, err, v.Test)
			}
			strict[reason]++
		}
	}
	stricterN, skippedN := 0, 0
	for reason, n := range strict {
		stricterN += n
		t.Logf("%3d stricter: %s", n, reason)
	}
	for reason, n := range skipped {
		skippedN += n
		t.Logf("%3d not expressible: %s", n, reason)
	}
	t.Logf("%d vectors: %d the same, %d stricter on purpose, %d not expressible", len(file.Cases), same, stricterN, skippedN)
	if same < 80 {
		t.Errorf("only %d vectors were compared with the same outcome", same)
	}
}

// vectorTokens expresses a vector's key and options. Test keys are weak on
// purpose, so New's refusal of them is passed by.
func vectorTokens(v vector) (tok *Tokens, why string) {
	if _, ok := v.Token.(string); !ok {
		return nil, "a token that is no text"
	}
	cfg := Config{MaxLifetime: maxLifetime}
	algorithms := []string{"HS256", "HS384", "HS512"}
	var leeway time.Duration
	now := time.Unix(v.NowS, 0)
	for name, o := range v.Options {
		switch name {
		case "algorithm", "complete", "typ", "jetid", "exp", "nbf": // no options of verify, or about the form of its result
		case "algorithms":
			algorithms = nil
			for _, a := range o.([]any) {
				algorithms = append(algorithms, a.(string))
			}
			cfg.Algorithms = algorithms
		case "issuer":
			s, ok := o.(string)
			if !ok {
				return nil, "a list of issuers"
			}
			cfg.Issuer = s
		case "audience":
			list, ok := o.([]any)
			if !ok {
				list = []any{o}
			}
			for _, a := range list {
				s, ok := a.(string)
				if !ok {
					return nil, "audiences by regular expression"
				}
				cfg.Audience = append(cfg.Audience, s)
			}
		case "clockTolerance":
			leeway = time.Duration(o.(float64) * float64(time.Second))
			if leeway > maxLeeway {
				return nil, "a clock tolerance over 60 s"
			}
		case "clockTimestamp":
			s, ok := o.(float64)
			if !ok {
				return nil, "a clock that is no number"
			}
			now = time.Unix(int64(s), 0)
		default:
			return nil, "option " + name
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
			return nil, ""
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
		var err error
		if tok, err = New(cfg); err != nil {
			return nil, ""
		}
	default:
		return nil, "a key that is neither text nor PEM"
	}
	tok.leeway = leeway
	tok.now = func() time.Time { return now }
	return tok, ""
}
