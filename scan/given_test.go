// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/panoply-security/panoply/report"
	"github.com/panoply-security/panoply/rule"
	"github.com/panoply-security/panoply/scan"
)

// An account that is given is acted as where the scan cannot make one, whatever it is
// known by, and nothing of it but its name comes into the report.
func TestGivenAccount(t *testing.T) {
	const name = "admin@shop.example"
	password := scan.Account{User: name, Password: strong}
	token := func(app *toy) string {
		return app.sign(jwt.MapClaims{"email": name, "iat": time.Now().Unix(), "exp": time.Now().Add(time.Hour).Unix()})
	}
	for _, tt := range []struct {
		name     string
		app      *toy
		account  scan.Account // or, if empty,
		header   string       // with the token behind it
		want     []rule.ID
		verdicts string
	}{
		{"sound", &toy{noSignup: true, members: true}, password, "", nil, "ccccccc"},
		{"a-wrong-password", &toy{noSignup: true}, scan.Account{User: name, Password: "another"}, "", nil, "cccc-cc"},
		{"decodes-only", &toy{noSignup: true, decodes: true}, password, "", []rule.ID{rule.TokenAlgNone, rule.TokenUnverified}, "ccccocc"},
		{"decodes-only-by-header", &toy{noSignup: true, decodes: true}, scan.Account{}, "Authorization: Bearer ", []rule.ID{rule.TokenAlgNone, rule.TokenUnverified}, "ccccocc"},
		{"decodes-only-by-cookie", &toy{noSignup: true, inCookie: true, takesNone: true}, scan.Account{}, "Cookie: theme=dark; auth=", []rule.ID{rule.TokenAlgNone}, "ccccocc"},
		{"decodes-only-in-a-cookie", &toy{inCookie: true, decodes: true}, password, "", []rule.ID{rule.TokenAlgNone, rule.TokenUnverified}, "ccccocc"},
		{"weak-secret-by-header", &toy{noSignup: true, secret: "secret123"}, scan.Account{}, "authorization: bearer ", []rule.ID{rule.TokenWeakSecret}, "ccccocc"},
		{"assigns-behind-a-login", &toy{members: true, assigns: true}, password, "", []rule.ID{rule.ValidateAssignment}, "ccocccc"},
		{"any-file-behind-a-login", &toy{members: true, noSignup: true, anyFile: true}, scan.Account{}, "Authorization: Bearer ", []rule.ID{rule.UploadDangerous}, "cccccoc"},
		{"operators", &toy{noSignup: true, operators: true}, password, "", []rule.ID{rule.NoSQLOperator}, "cccccco"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := serve(t, tt.app, true)
			o.Active, o.Auth, o.Account = true, true, tt.account
			secret := strong
			if tt.header != "" {
				secret = token(tt.app)
				o.Account.Header = tt.header + secret
			}
			var progress strings.Builder
			o.Progress = func(line string) { progress.WriteString(line) }
			r := run(t, o)
			if got := slices.Sorted(maps.Keys(rules(r))); !slices.Equal(got, tt.want) {
				t.Errorf("got %q; want %q", got, tt.want)
			}
			if v := verdicts(r); !strings.HasPrefix(v, tt.verdicts) {
				t.Errorf("verdicts %s; want %s: %+v", v, tt.verdicts, r.Mistakes)
			}
			for _, format := range report.Formats {
				var b bytes.Buffer
				if err := report.Write(&b, format, r, report.Options{}); err != nil {
					t.Fatal(err)
				}
				if text := b.String() + progress.String(); strings.Contains(text, secret) || strings.Contains(text, secret[len(secret)/2:]) {
					t.Errorf("%s shows the secret", format)
				}
			}
		})
	}
}

// Whatever an app shows of an account's secrets, whole, escaped or cut, the report does
// not.
func TestSecretsAreHidden(t *testing.T) {
	const password = `a "quoted" p&ss/word that is long enough to be cut in the middle of it by evidence which ends before it does, so that a part of it would be left over in the report, and some more`
	const token = "opaque-token-quoted-of-ann"
	app := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct{ Email, Password any }
		if r.Method == "POST" && r.URL.Path == "/api/login" && json.NewDecoder(r.Body).Decode(&in) == nil {
			if in.Email == "ann" && in.Password == password {
				reply(w, 200, map[string]string{"token": token})
				return
			}
			reply(w, 401, map[string]string{"error": "wrong"})
			return
		}
		if r.Method == "POST" && r.URL.Path == "/api/upload" {
			answers(500, "text/plain", "Error: no room for "+r.Header.Get("Authorization")+" of "+quoted(password)+
				"\n    at Object.<anonymous> (/srv/app/app.js:1:2)", good...)(w, r)
			return
		}
		answers(404, "text/plain", "nothing here", good...)(w, r)
	})
	o := serve(t, app, true)
	o.Active, o.Account = true, scan.Account{User: "ann", Password: password}
	r := run(t, o)
	var b bytes.Buffer
	if err := report.Write(&b, report.JSON, r, report.Options{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "Error: no room for Bearer") {
		t.Fatalf("the report does not have the error: %s", b.String())
	}
	if strings.Contains(b.String(), "quoted") || strings.Contains(b.String(), "word that is long") {
		t.Errorf("the report has a secret: %s", b.String())
	}
}

func quoted(s string) string {
	b, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(b)
}

func TestAccountUsage(t *testing.T) {
	for name, o := range map[string]scan.Options{
		"passive":         {Account: scan.Account{User: "a", Password: "b"}},
		"passive-login":   {Login: "/login"},
		"no-password":     {Active: true, Account: scan.Account{User: "a"}},
		"no-name":         {Active: true, Account: scan.Account{Password: "secret-b"}},
		"both":            {Active: true, Account: scan.Account{User: "a", Password: "secret-b", Header: "Cookie: a=b"}},
		"another-header":  {Active: true, Account: scan.Account{Header: "X-Api-Key: secret-b"}},
		"another-scheme":  {Active: true, Account: scan.Account{Header: "Authorization: Basic secret-b"}},
		"no-header":       {Active: true, Account: scan.Account{Header: "secret-b"}},
		"two-lines":       {Active: true, Account: scan.Account{Header: "Cookie: a=secret-b\r\nX: y"}},
		"login-not-local": {Active: true, Login: "http://other.example/login"},
	} {
		t.Run(name, func(t *testing.T) {
			o.Target = "http://localhost"
			if _, err := scan.Run(t.Context(), o); !errors.Is(err, scan.ErrUsage) || strings.Contains(err.Error(), "secret-b") {
				t.Errorf("got %v; want an error of usage that shows nothing", err)
			}
		})
	}
}

// What the scan made it deletes, and nothing else; what it cannot delete, or cannot
// show to be gone, is in the report.
func TestActiveDeletes(t *testing.T) {
	for name, tt := range map[string]struct {
		app  *toy
		left bool
	}{
		"by-id":                      {&toy{}, false},
		"by-id-with-a-cookie":        {&toy{inCookie: true}, false},
		"by-whoever-assigns":         {&toy{assigns: true, anyType: true}, false},
		"own-account":                {&toy{deletesMe: true}, false},
		"only-says-so":               {&toy{pretends: true}, true},
		"only-says-so-of-itself":     {&toy{pretends: true, deletesMe: true}, true},
		"location-of-all":            {&toy{points: true}, true},
		"made-by-another-who-may-do": {&toy{members: true}, false},
	} {
		t.Run(name, func(t *testing.T) {
			o := serve(t, tt.app, true)
			o.Active = true
			if tt.app.members {
				o.Account = scan.Account{User: "admin@shop.example", Password: strong}
			}
			r := run(t, o)
			if tt.app.users["admin@shop.example"] == nil || tt.app.cleared > 0 {
				t.Error("it deleted more than it made")
			}
			left := strings.Join(r.Run.Left, "\n")
			if said := strings.Contains(left, "accounts whose address begins with zz"); said != tt.left || said != (len(tt.app.users) > 1) {
				t.Errorf("%d accounts are left, and the report says %q", len(tt.app.users)-1, left)
			}
		})
	}
}
