// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"net/url"
	"testing"
)

// A guard that is its own upstream would pass each request round until no socket
// is left, so it must be found however the address is spelled.
func TestAGuardIsNotItsOwnUpstream(t *testing.T) {
	for name, test := range map[string]struct {
		listen, upstream string
		want             bool
	}{
		"same-address":           {"127.0.0.1:8080", "http://127.0.0.1:8080", true},
		"same-address-and-slash": {"127.0.0.1:8080", "http://127.0.0.1:8080/", true},
		"same-ipv6-address":      {"[::1]:8080", "http://[::1]:8080", true},
		"by-name":                {"127.0.0.1:8080", "http://LocalHost:8080", true},
		"listens-by-name":        {"localhost:8080", "http://127.0.0.1:8080", true},
		"everywhere":             {":8080", "http://localhost:8080", true},
		"everywhere-four":        {"0.0.0.0:8080", "http://127.0.0.1:8080", true},
		"everywhere-six":         {"[::]:8080", "http://127.0.0.1:8080", true},
		"usual-port":             {"127.0.0.1:80", "http://127.0.0.1", true},
		"usual-tls-port":         {"shop.example:443", "https://SHOP.example", true},
		"another-port":           {"127.0.0.1:8080", "http://127.0.0.1:3000", false},
		"another-usual-port":     {"127.0.0.1:80", "https://127.0.0.1", false},
		"another-loopback":       {"127.0.0.1:8080", "http://127.0.0.2:8080", false},
		"another-family":         {"127.0.0.1:8080", "http://[::1]:8080", false},
		"another-machine":        {":8080", "http://app.internal:8080", false},
		"any-free-port":          {"127.0.0.1:0", "http://127.0.0.1:3000", false},
		"no-address":             {"8080", "http://127.0.0.1:8080", false},
	} {
		t.Run(name, func(t *testing.T) {
			target, err := url.Parse(test.upstream)
			if err != nil {
				t.Fatal(err)
			}
			if got := itself(target, test.listen); got != test.want {
				t.Errorf("got %v; want %v", got, test.want)
			}
		})
	}
}
