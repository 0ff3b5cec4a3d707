// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// The guard names what is wrong with the app's session secret and with its tokens, from
// one login: "keyboard cat", "secret123", and no end.
func TestTheGuardNamesWeakSecrets(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		g := startGuard(t, startApp(t, app), compatible)
		res, err := g.client.Post(g.url+"/api/login", "application/json", strings.NewReader(`{"email":"alice@shop.example","password":"sunshine1"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Fatalf("the login: status %d", res.StatusCode)
		}
		wanted := []string{
			`rule=session/weak-secret where="cookie connect.sid"`,
			`rule=token/no-expiry where="JSON of POST /api/login"`,
			`rule=token/weak-secret where="JSON of POST /api/login"`,
		}
		for until := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
			log := g.process.Output()
			missing := ""
			for _, want := range wanted {
				if !strings.Contains(log, want) {
					missing = want
				}
			}
			if missing == "" {
				break
			}
			if time.Now().After(until) {
				t.Fatalf("the log does not tell %s", missing)
			}
		}
		if log := g.process.Output(); strings.Contains(log, "keyboard cat") || strings.Contains(log, "secret123") || strings.Contains(log, "eyJ") {
			t.Error("the log tells a secret or a token")
		}
	})
}
