// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 2.
const (
	RateLimitExceeded ID = "ratelimit/exceeded"
)

var rateLimitRules = []Rule{
	{ID: RateLimitExceeded, Mistake: 2, Title: "Too many requests", Severity: High, Status: 429, CWE: 307,
		Why:     "Without a limit an attacker tries passwords by the million, and one client can take the server from all others.",
		Express: "app.post('/api/login', rateLimit({ windowMs: 15 * 60 * 1000, limit: 5, skipSuccessfulRequests: true, standardHeaders: 'draft-8', message: { error: 'Too many login attempts. Try again in 15 minutes.' } }), …)",
		Policy:  `rate_limits: {rules: [{name: login, match: "POST /api/login", limit: 5, window: 15m, count: failures, key: [ip]}]}`},
}
