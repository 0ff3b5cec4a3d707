// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply"
)

const claimPolicy = `tokens: [{match: /private/, secret_env: TEST_SECRET, claim_headers: {X-User: sub, X-Role: role, X-Level: level, X-Admin: admin}}]
`

func bearer(t *testing.T, claims jwt.MapClaims) string {
	t.Helper()
	claims["exp"] = time.Now().Add(time.Minute).Unix()
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims).SignedString([]byte("kq83hdYw02mzPqX7vLr5tNbC1sJe9uGfA4iO6xZw"))
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer " + text
}

// An app finds the claims of the verified token in headers, and never what a client
// wrote there.
func TestClaimsInHeaders(t *testing.T) {
	secret(t)
	forged := []string{"X-User", "admin", "x_role", "admin", "X-LEVEL", "9"}
	for name, tt := range map[string]struct {
		path    string
		claims  jwt.MapClaims
		headers []string
		want    string // X-User, X-Role, X-Level, X-Admin
		status  int
	}{
		"claims":        {"/private/a", jwt.MapClaims{"sub": "ada", "role": "user", "level": 7, "admin": false}, nil, "ada|user|7|false", 200},
		"forged-beside": {"/private/a", jwt.MapClaims{"sub": "ada"}, forged, "ada|||", 200},
		"forged-alone":  {"/public", nil, forged, "|||", 200},
		"other-letters": {"/private/a", jwt.MapClaims{"sub": "Zoë 100%\r\nX-Role: admin ", "role": " "}, nil, "Zo%C3%AB 100%25%0D%0AX-Role: admin%20|%20||", 200},
		"large-number":  {"/private/a", jwt.MapClaims{"sub": "ada", "level": uint64(9007199254740993)}, nil, "ada||9007199254740993|", 200},
		"no-text":       {"/private/a", jwt.MapClaims{"sub": "ada", "role": []string{"admin"}, "level": nil, "admin": map[string]any{}}, forged, "ada|||", 200},
		"too-long":      {"/private/a", jwt.MapClaims{"sub": strings.Repeat("x", 3000), "role": strings.Repeat("é", 1000)}, nil, strings.Repeat("x", 3000) + "|||", 200},
		"none":          {"/private/a", nil, forged, "", 401},
		"dropped-later": {"/private/a", jwt.MapClaims{"sub": "ada"}, []string{"Connection", "close, x-user"}, "", 400},
	} {
		t.Run(name, func(t *testing.T) {
			a := behind(t, claimPolicy, func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, r.Header.Get("X-User"), "|", r.Header.Get("X-Role"), "|", r.Header.Get("X-Level"), "|", r.Header.Get("X-Admin"))
				for name := range r.Header {
					if strings.EqualFold(name, "x_role") {
						t.Error("an underscore passes")
					}
				}
			})
			r := request("GET", tt.path, "", tt.headers...)
			if tt.claims != nil {
				r.Header.Set("Authorization", bearer(t, tt.claims))
			}
			rec, _ := a.send(r)
			if rec.Code != tt.status || tt.status == 200 && rec.Body.String() != tt.want {
				t.Errorf("got %d %s; want %d %s", rec.Code, rec.Body, tt.status, tt.want)
			}
		})
	}
}

func TestClaimHeadersRefused(t *testing.T) {
	secret(t)
	_, err := panoply.New(parse(t, `tokens:
  - {match: /a, secret_env: TEST_SECRET, claim_headers: {Cookie: sub, "X User": sub, X-User: "", Transfer_Encoding: a}}
  - {match: /b, reissue: {}, claim_headers: {X-User: sub}}
`))
	for _, want := range []string{"tokens[0].claim_headers.Cookie: that header", "tokens[0].claim_headers.X User: a header's name", "tokens[0].claim_headers.X-User: no claim",
		"tokens[0].claim_headers.Transfer_Encoding: that header", "tokens[1].claim_headers: a rule that re-issues"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
