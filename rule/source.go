// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// Rules that the source of an app breaks.
const (
	RateLimitWeak      ID = "ratelimit/weak"
	ErrorNoHandler     ID = "errors/no-handler"
	ErrorUnhandled     ID = "errors/unhandled-rejection"
	SessionMemoryStore ID = "session/memory-store"
	NoSQLCode          ID = "nosql/code"
	NoSQLPlainPassword ID = "nosql/plain-password"
	NoSQLDocument      ID = "nosql/document-sent"
)

var sourceRules = []Rule{
	{ID: RateLimitWeak, Mistake: 2, Title: "The limit is too high to limit anything", Severity: Medium, CWE: 307,
		Why:     "Thousands of passwords in a window are a dictionary.",
		Express: "rateLimit({ windowMs: 15 * 60 * 1000, limit: 5, skipSuccessfulRequests: true })",
		Policy:  `rate_limits: {rules: [{name: login, match: "POST /api/login", limit: 5, window: 15m, count: failures, key: [ip]}]}`},
	{ID: ErrorNoHandler, Mistake: 4, Title: "Express's own error handler answers", Severity: Medium, CWE: 209,
		Why:     "Unless NODE_ENV is production it answers with the stack: files, libraries and addresses of the app.",
		Express: "app.use((err, req, res, next) => { console.error(err); res.status(err.status || 500).json({ error: 'Internal server error' }) }), last",
		Policy:  "errors: {scrub: true}"},
	{ID: ErrorUnhandled, Mistake: 4, Title: "Failed promise that nobody handles", Severity: Medium, CWE: 755,
		Why:     "Express 4 does not look at the promise of an async handler: when it is rejected no error handler runs, the client waits, and Node ends the process. One request that fails stops the app for everybody.",
		Express: "app.get('/', asyncHandler(async (req, res) => …)), with const asyncHandler = (fn) => (req, res, next) => Promise.resolve(fn(req, res, next)).catch(next), or Express 5"},
	{ID: SessionMemoryStore, Mistake: 5, Title: "Sessions in memory, or made for everybody", Severity: Low, CWE: 770,
		Why:     "The default store keeps every session for ever and for one process, and saveUninitialized makes one for every visitor who never signs in.",
		Express: "session({ store: new RedisStore({ client }), resave: false, saveUninitialized: false, … })",
		Policy:  "cookies: {mode: enforce} # the store is the app's"},
	{ID: NoSQLCode, Mistake: 7, Title: "Text from a request runs in the database", Severity: Critical, CWE: 94,
		Why:     "$where and $function run JavaScript: text in it that a client chose is a program of his.",
		Express: "no $where: write the condition with fields and operators",
		Policy:  "nosql: {mode: enforce}"},
	{ID: NoSQLPlainPassword, Mistake: 7, Title: "Password compared as plain text", Severity: High, CWE: 256,
		Why:     "A password that can be compared in a query or with === is stored readable: one leak of the database is one of all passwords.",
		Express: "const user = await User.findOne({ email }); if (!user || !await bcrypt.compare(password, user.passwordHash)) return res.status(401)…"},
	{ID: NoSQLDocument, Mistake: 7, Title: "Document sent with its password hash", Severity: Medium, CWE: 200,
		Why:     "A document that is sent whole carries the password hash along, which is then tried offline.",
		Express: "res.json({ id: user.id, name: user.name, email: user.email }), or select: false in the schema"},
}
