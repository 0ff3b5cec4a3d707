// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"net/http"
	"testing"

	"github.com/panoply-security/panoply/demo/attack"
)

// TestAttacksDirect shows that the apps are as vulnerable as the article says:
// what the guard stops would have succeeded.
func TestAttacksDirect(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		for _, r := range attacks(t, startApp(t, app), nil) {
			if !r.Exploited || r.Err != nil {
				t.Errorf("mistake %d (%s) was not exploited: %v %q", r.Mistake, r.Name, r.Err, r.Evidence)
			}
		}
	})
}

// TestAttacksThroughGuard wants every attack to fail against the same app
// behind the guard, and the ordinary use beside each attack to go on.
func TestAttacksThroughGuard(t *testing.T) {
	forEachApp(t, func(t *testing.T, app string) {
		guard := startGuard(t, startApp(t, app), strict)
		for _, r := range attacks(t, guard.url, guard.client) {
			if r.Exploited {
				t.Errorf("mistake %d (%s) was exploited: %q", r.Mistake, r.Name, r.Evidence)
			}
			if !r.Worked || r.Err != nil {
				t.Errorf("mistake %d (%s): the ordinary use beside the attack failed: %v %q", r.Mistake, r.Name, r.Err, r.Evidence)
			}
		}
	})
}

// TestWhatCompatibleLeavesOpen holds the profile that runs without a policy to
// its word: it closes what it can close without knowing the app, and what it
// leaves open is what it says at start.
func TestWhatCompatibleLeavesOpen(t *testing.T) {
	open := map[int]string{
		1: "the full Content-Security-Policy only reports",
		3: "there is no schema",
		5: "no rule says how tokens are made safe",
	}
	forEachApp(t, func(t *testing.T, app string) {
		guard := startGuard(t, startApp(t, app), compatible)
		for _, r := range attacks(t, guard.url, guard.client) {
			why, left := open[r.Mistake]
			if r.Exploited != left {
				t.Errorf("mistake %d (%s): exploited %v; want %v %s: %q", r.Mistake, r.Name, r.Exploited, left, why, r.Evidence)
			}
			if !r.Worked || r.Err != nil {
				t.Errorf("mistake %d (%s): the ordinary use beside the attack failed: %v %q", r.Mistake, r.Name, r.Err, r.Evidence)
			}
		}
	})
}

// attacks returns the seven results, in order.
func attacks(t *testing.T, url string, client *http.Client) []attack.Result {
	t.Helper()
	results, err := attack.Run(t.Context(), url, attack.Options{Client: client})
	if err != nil {
		t.Fatalf("the attacks on %s: %v", url, err)
	}
	if len(results) != 7 {
		t.Fatalf("got %d results; want 7", len(results))
	}
	return results
}
