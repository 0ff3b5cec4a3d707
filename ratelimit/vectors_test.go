// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply/clientip"
)

// The recorded behaviour of express-rate-limit. We differ on purpose:
//
//	all      our 429 is a problem, not a line of text
//	draft 8  has no partition key: see policyText
//	rl-005   the legacy headers of several limiters are those of the tightest, not of the last
//	rl-008   a 429 carries Retry-After though all other headers are off
//	rl-009   an unknown form is an error at start, not silently no header
//	ipk-9    clients behind a NAT64 count one by one, not all 2^32 as one
//	ipk-14   there is no way to count all 2^128 addresses one by one
type vectors struct {
	Cases []struct {
		ID       string
		Limiters []struct {
			WindowMs        int64
			Limit           int
			LegacyHeaders   *bool
			StandardHeaders any
			FixedKey        string
			Identifier      string
		}
		Steps []struct {
			Expect struct {
				Status  int
				Headers map[string]any
			}
		}
	}
	IPKeys []struct {
		ID         string
		IP         string
		IPv6Subnet any
		Expect     struct{ Key string }
	} `json:"ip_keys"`
}

func loadVectors(t *testing.T) (v vectors) {
	t.Helper()
	path := filepath.Join("..", "..", "shared", "vectors", "ratelimit.json")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Skipf("CONFORMANCE NOT TESTED: the vectors of express-rate-limit are not at %s", path)
	}
	if err := json.Unmarshal(data, &v); err != nil {
		t.Fatal(err)
	}
	return v
}

var partitionKey = regexp.MustCompile(`; pk=:[^:]*:`)

func TestConformsToExpressRateLimit(t *testing.T) {
	v := loadVectors(t)
	held, differ := 0, 0
	for _, c := range v.Cases {
		t.Run(c.ID, func(t *testing.T) {
			cfg := Config{}
			for _, lim := range c.Limiters {
				cfg.Rules = append(cfg.Rules, Rule{Name: lim.Identifier, Match: []string{"/"}, Limit: lim.Limit,
					Window: time.Duration(lim.WindowMs) * time.Millisecond, Algorithm: "fixed"})
			}
			first := c.Limiters[0]
			switch form := first.StandardHeaders.(type) {
			case string:
				cfg.Headers = append(cfg.Headers, form)
			case bool:
				if form {
					cfg.Headers = append(cfg.Headers, "draft-6")
				}
			}
			if first.LegacyHeaders == nil || *first.LegacyHeaders {
				cfg.Headers = append(cfg.Headers, "legacy")
			}
			if len(cfg.Headers) == 0 {
				cfg.Headers = []string{"off"}
			}
			if c.ID == "rl-009" {
				if _, err := New(cfg); err == nil {
					t.Error("an unknown form: got no error")
				}
				differ++
				return
			}
			l, w := limiter(t, cfg)
			w.ns.Store(int64(time.Unix(1800000000, 1).Sub(start)))
			h := l.Handler(http.NotFoundHandler())
			for i, step := range c.Steps {
				rec := httptest.NewRecorder()
				h.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil))
				if got := rec.Code; got != step.Expect.Status && !(got == 404 && step.Expect.Status == 200) {
					t.Errorf("step %d: got %d; want %d", i, got, step.Expect.Status)
				}
				for name, value := range step.Expect.Headers {
					want := ""
					switch value := value.(type) {
					case string:
						want = partitionKey.ReplaceAllString(value, "")
					case map[string]any:
						// Without a tolerance for time passing, for none does: the
						// recorded second includes the moment that made it round up.
						want = strconv.Itoa(1800000000 + int(value["$epoch_plus_s"].(float64)))
					}
					switch {
					case c.ID == "rl-008" && name == "retry-after" && i == 1:
						want = "60"
					case c.ID == "rl-005" && strings.HasPrefix(name, "x-ratelimit-"):
						want = map[string]string{"x-ratelimit-limit": "1", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "1800000006"}[name]
					}
					if got := strings.Join(rec.Header().Values(name), ", "); got != want {
						t.Errorf("step %d: %s: got %q; want %q", i, name, got, want)
					}
				}
			}
			if t.Failed() {
				return
			}
			if slices.Contains([]string{"rl-005", "rl-008"}, c.ID) {
				differ++
			} else {
				held++
			}
		})
	}
	t.Logf("of %d cases %d held, %d differ on purpose", len(v.Cases), held, differ)
}

func TestIPKeysConformToExpressRateLimit(t *testing.T) {
	v := loadVectors(t)
	held, differ := 0, 0
	for _, c := range v.IPKeys {
		t.Run(c.ID, func(t *testing.T) {
			bits, whole := 56, false
			switch subnet := c.IPv6Subnet.(type) {
			case float64:
				bits = int(subnet)
			case bool:
				whole = true
			}
			addr := clientip.Prefix(netip.MustParseAddr(c.IP), bits)
			got := addr.String()
			if addr.Is6() {
				got = fmt.Sprintf("%s/%d", got, bits)
			}
			switch {
			case c.ID == "ipk-9":
				if got != "1.2.3.4" {
					t.Errorf("got %s; want the IPv4 address", got)
				}
				differ++
			case whole && addr.Is6():
				if _, err := New(Config{IPv6Prefix: 128}); err == nil {
					t.Error("a limit per single IPv6 address: got no error")
				}
				differ++
			case got != c.Expect.Key:
				t.Errorf("got %s; want %s", got, c.Expect.Key)
			default:
				held++
			}
		})
	}
	t.Logf("of %d keys %d held, %d differ on purpose", len(v.IPKeys), held, differ)
}
