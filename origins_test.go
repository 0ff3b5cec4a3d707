// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"strings"
	"testing"
)

// A page of another site cannot have a browser send what changes something with the
// visitor's cookies.
func TestRequestsOfOtherSites(t *testing.T) {
	const enforced = "cookies: {cross_origin: enforce, trusted_origins: [\"https://login.example\"]}\n"
	for name, tt := range map[string]struct {
		policy, method string
		headers        []string
		refused        bool
		told           bool
	}{
		"other-site":             {enforced, "POST", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "sid=1"}, true, true},
		"other-origin":           {enforced, "DELETE", []string{"Origin", "https://evil.example", "Cookie", "sid=1"}, true, true},
		"other-subdomain":        {enforced, "POST", []string{"Sec-Fetch-Site", "same-site", "Cookie", "sid=1"}, true, true},
		"trusted":                {enforced, "POST", []string{"Sec-Fetch-Site", "cross-site", "Origin", "https://login.example", "Cookie", "sid=1"}, false, false},
		"own":                    {enforced, "POST", []string{"Sec-Fetch-Site", "same-origin", "Cookie", "sid=1"}, false, false},
		"own-origin":             {enforced, "POST", []string{"Origin", "https://example.com", "Cookie", "sid=1"}, false, false},
		"no-cookies":             {enforced, "POST", []string{"Sec-Fetch-Site", "cross-site"}, false, false},
		"no-browser":             {enforced, "POST", []string{"Cookie", "sid=1"}, false, false},
		"safe-method":            {enforced, "GET", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "sid=1"}, false, false},
		"reported-by-default":    {"", "POST", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "sid=1"}, false, true},
		"reported-by-compatible": {"profile: compatible\n", "POST", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "sid=1"}, false, true},
		"socket":                 {"", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example", "Cookie", "sid=1"}, true, true},
		"socket-same-site":       {"", "GET", []string{"Upgrade", "websocket", "Sec-Fetch-Site", "same-site", "Cookie", "sid=1"}, true, true},
		"socket-null-origin":     {"", "GET", []string{"Upgrade", "websocket", "Origin", "null", "Cookie", "sid=1"}, true, true},
		"socket-own":             {"", "GET", []string{"Upgrade", "websocket", "Origin", "https://example.com", "Cookie", "sid=1"}, false, false},
		"socket-no-browser":      {"", "GET", []string{"Upgrade", "websocket", "Cookie", "sid=1"}, false, false},
		"socket-no-cookies":      {"", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example"}, false, false},
		"socket-trusted":         {enforced, "GET", []string{"Upgrade", "websocket", "Origin", "https://login.example", "Cookie", "sid=1"}, false, false},
		"socket-compatible":      {"profile: compatible\n", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example", "Cookie", "sid=1"}, false, true},
		"socket-report":          {"mode: report\n", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example", "Cookie", "sid=1"}, false, true},
		"socket-off":             {"cookies: {cross_origin: off}\n", "GET", []string{"Upgrade", "websocket", "Origin", "https://evil.example", "Cookie", "sid=1"}, false, false},
		"off":                    {"cookies: {cross_origin: off}\n", "POST", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "sid=1"}, false, false},
		"off-with-the-section":   {"cookies: off\n", "POST", []string{"Sec-Fetch-Site", "cross-site", "Cookie", "sid=1"}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			a := behind(t, tt.policy, nil)
			rec, reached := a.send(request(tt.method, "/items/1", "", tt.headers...))
			if tt.refused {
				refusedBy(t, rec, reached, 403, "session/cross-origin")
			} else {
				passes(t, rec, reached)
			}
			if told := strings.Contains(a.log.String(), "session/cross-origin"); told != tt.told {
				t.Errorf("told: %v; the log: %s", told, a.log.String())
			}
		})
	}
}
