// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 2.
const (
	RateLimitExceeded ID = "ratelimit/exceeded"
	RateLimitNone     ID = "ratelimit/none"
	RateLimitSpoofed  ID = "ratelimit/spoofed-address"
)

var rateLimitRules = []Rule{
	{ID: RateLimitExceeded, Mistake: 2, Title: "Too many requests", Severity: High, Status: 429, CWE: 307,
		Why:     "Without a limit an attacker tries passwords by the million, and one client can take the server from all others.",
		Express: "app.post('/api/login', rateLimit({ windowMs: 15 * 60 * 1000, limit: 5, skipSuccessfulRequests: true, standardHeaders: 'draft-8', message: { error: 'Too many login attempts. Try again in 15 minutes.' } }), …)",
		Policy:  `rate_limits: {rules: [{name: login, match: "POST /api/login", limit: 5, window: 15m, count: failures, key: [ip]}]}`},
	{ID: RateLimitNone, Mistake: 2, Title: "Nothing limits logins", Severity: High, CWE: 307,
		Why:     "An attacker tries passwords, or lists of leaked ones, as fast as the app answers.",
		Express: "app.post('/api/login', rateLimit({ windowMs: 15 * 60 * 1000, limit: 5, skipSuccessfulRequests: true, standardHeaders: 'draft-8', message: { error: 'Too many login attempts. Try again in 15 minutes.' } }), …)",
		Policy:  `rate_limits: {rules: [{name: login, match: "POST /api/login", limit: 5, window: 15m, count: failures, key: [ip]}]}`},
	{ID: RateLimitSpoofed, Mistake: 2, Title: "The limit believes any client's X-Forwarded-For", Severity: High, CWE: 290,
		Why:     "An attacker writes another address into each request and is counted anew each time.",
		Express: "app.set('trust proxy', 1), the number of your own proxies; never true",
		Policy:  "trusted_proxies: [10.0.0.0/8] # your proxies, or []"},
}
