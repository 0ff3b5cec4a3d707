// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 5.
const (
	SessionWeakSecret      ID = "session/weak-secret"
	SessionCrossOrigin     ID = "session/cross-origin"
	SessionRevoked         ID = "session/revoked"
	SessionUnavailable     ID = "session/unavailable"
	SessionFull            ID = "session/full"
	TokenMissing           ID = "token/missing"
	TokenInvalid           ID = "token/invalid"
	TokenExpired           ID = "token/expired"
	TokenNotReissued       ID = "token/not-reissued"
	TokenUnavailable       ID = "token/unavailable"
	TokenReused            ID = "token/reused"
	TokenWeakSecret        ID = "token/weak-secret"
	TokenNoExpiry          ID = "token/no-expiry"
	TokenAlgNone           ID = "token/alg-none"
	TokenLongLived         ID = "token/long-lived"
	TokenUnverified        ID = "token/unverified"
	SessionCookieSecure    ID = "session/cookie-secure"
	SessionCookieHTTPOnly  ID = "session/cookie-httponly"
	SessionCookieSameSite  ID = "session/cookie-samesite"
	SessionCookieLifetime  ID = "session/cookie-lifetime"
	SessionCookieMalformed ID = "session/cookie-malformed"
	SessionCookieForeign   ID = "session/cookie-foreign"
)

var sessionRules = []Rule{
	{ID: SessionWeakSecret, Mistake: 5, Title: "Session secret can be guessed", Severity: Critical, CWE: 1391,
		Why:     "Whoever holds one signed session cookie can try a word list against it offline, and with the secret sign a cookie for any session.",
		Express: "app.use(session({ secret: process.env.SESSION_SECRET, … })), the variable from: openssl rand -base64 48",
		Policy:  "cookies: {mode: enforce}"},
	{ID: SessionCrossOrigin, Mistake: 5, Title: "Request from another site refused", Severity: Medium, Status: 403, CWE: 352,
		Why:     "A page on another site can make a visitor's browser send a request with his cookies.",
		Express: "cookie: { sameSite: 'strict' }, and compare the Origin header on unsafe methods",
		Policy:  "cookies: {cross_origin: enforce}"},
	{ID: SessionRevoked, Mistake: 5, Title: "Session ended", Severity: Info, Status: 401, CWE: 613,
		Why: "The session was revoked while the request ran; to renew it would undo that."},
	{ID: SessionUnavailable, Mistake: 5, Title: "Sessions not available", Severity: Info, Status: 503,
		Why: "The session store did not answer, and without it nobody can be told from anybody else."},
	{ID: SessionFull, Mistake: 5, Title: "Too many sessions", Severity: Info, Status: 503, CWE: 770,
		Why: "The session store is full of signed-in users, and to make room one of them would have to be signed out."},
	{ID: TokenMissing, Mistake: 5, Title: "Token missing", Severity: Info, Status: 401, CWE: 306,
		Why:     "The route is open only to holders of a token.",
		Express: "app.use('/api', expressjwt({ secret: process.env.JWT_SECRET, algorithms: ['HS256'] }))",
		Policy:  "tokens: [{match: \"/api/\", algorithms: [HS256], secret_env: JWT_SECRET}]"},
	{ID: TokenInvalid, Mistake: 5, Title: "Token not accepted", Severity: High, Status: 401, CWE: 347,
		Why:     "A token that is malformed, signed with another key or algorithm, or meant for somebody else proves nothing.",
		Express: "jwt.verify(token, process.env.JWT_SECRET, { algorithms: ['HS256'] })",
		Policy:  "tokens: [{match: \"/api/\", algorithms: [HS256], secret_env: JWT_SECRET}]"},
	{ID: TokenExpired, Mistake: 5, Title: "Token expired", Severity: Info, Status: 401, CWE: 613,
		Why: "A token that is stolen is worth as long as it is valid."},
	{ID: TokenUnavailable, Mistake: 5, Title: "Tokens cannot be checked now", Severity: Info, Status: 503,
		Why: "The keys that tokens are signed with could not be fetched, and an unchecked token proves nothing."},
	{ID: TokenReused, Mistake: 5, Title: "Refresh token used twice", Severity: High, Status: 401, CWE: 294,
		Why: "A refresh token that is used a second time has been stolen: with rotation the theft shows, without it the thief stays."},
	{ID: TokenNotReissued, Mistake: 5, Title: "Token not issued here", Severity: High, Status: 401, CWE: 347,
		Why:    "Where tokens are re-issued, a token that does not carry the guard's signature was not handed out by it: it may be forged with a guessed secret.",
		Policy: "tokens: [{match: \"/api/\", reissue: {key_env: PANOPLY_TOKEN_KEY}}]"},
	{ID: TokenWeakSecret, Mistake: 5, Title: "Token secret can be guessed", Severity: Critical, CWE: 1391,
		Why:     "Whoever holds one token can try a word list against it offline, and with the secret sign a token for any user.",
		Express: "jwt.sign({ id: user._id }, process.env.JWT_SECRET, { expiresIn: '1h', algorithm: 'HS256' }), the variable from: openssl rand -base64 48",
		Policy:  "tokens: [{match: \"/api/\", reissue: {key_env: PANOPLY_TOKEN_KEY}}]"},
	{ID: TokenNoExpiry, Mistake: 5, Title: "Token never expires", Severity: High, CWE: 613,
		Why:     "A token without exp that is stolen once is valid for ever: nothing but a new secret for everybody ends it.",
		Express: "jwt.sign({ id: user._id }, process.env.JWT_SECRET, { expiresIn: '1h', algorithm: 'HS256' })",
		Policy:  "tokens: [{match: \"/api/\", reissue: {lifetime: 1h}}]"},
	{ID: TokenAlgNone, Mistake: 5, Title: "Token is not signed", Severity: Critical, CWE: 347,
		Why:     "With alg none anybody writes any token.",
		Express: "jwt.verify(token, process.env.JWT_SECRET, { algorithms: ['HS256'] })",
		Policy:  "tokens: [{match: \"/api/\", reissue: {key_env: PANOPLY_TOKEN_KEY}}]"},
	{ID: SessionCookieSecure, Mistake: 5, Title: "Cookie without Secure", Severity: High, CWE: 614,
		Why:     "The browser sends the cookie over plain HTTP too, where anyone on the way reads it and is the user.",
		Express: "session({ …, cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3600000 } })",
		Policy:  "cookies: {secure: true}"},
	{ID: SessionCookieHTTPOnly, Mistake: 5, Title: "Cookie readable by scripts", Severity: Medium, CWE: 1004,
		Why:     "Any script that gets into a page reads the cookie and sends it away.",
		Express: "session({ …, cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3600000 } })",
		Policy:  "cookies: {http_only: true}"},
	{ID: SessionCookieSameSite, Mistake: 5, Title: "Cookie sent along from other sites", Severity: Medium, CWE: 1275,
		Why:     "A form on another site makes the visitor's browser act here with the visitor's cookies.",
		Express: "session({ …, cookie: { secure: true, httpOnly: true, sameSite: 'strict', maxAge: 3600000 } })",
		Policy:  "cookies: {same_site: Strict}"},
	{ID: SessionCookieLifetime, Mistake: 5, Title: "Session cookie lasts too long", Severity: Low, CWE: 613,
		Why:     "A stolen cookie is worth as long as it is valid, and a browser left open on a shared computer keeps its user signed in.",
		Express: "session({ …, cookie: { maxAge: 3600000 } })",
		Policy:  "cookies: {max_age: 1h}"},
	{ID: SessionCookieMalformed, Mistake: 5, Title: "Cookie that browsers refuse", Severity: Low, CWE: 436,
		Why:     "Control bytes, a missing name or a broken __Host- promise are read differently by every parser on the way.",
		Express: "res.cookie(name, value, options) instead of a Set-Cookie header put together by hand",
		Policy:  "cookies: {secure: true} # drops it"},
	{ID: SessionCookieForeign, Mistake: 5, Title: "Cookie not encrypted here", Severity: Medium, CWE: 565,
		Why:    "Where cookies are encrypted at the edge, one that is not was made by somebody else, perhaps with a guessed secret, or is from before. The app does not see it.",
		Policy: "cookies: {encrypt: {key_env: PANOPLY_COOKIE_KEY}}"},
	{ID: TokenLongLived, Mistake: 5, Title: "Token lasts long", Severity: Low, CWE: 613,
		Why:     "A stolen token is worth as long as it is valid, and nothing but a new secret for everybody ends it before.",
		Express: "jwt.sign({ id: user._id }, process.env.JWT_SECRET, { expiresIn: '1h', algorithm: 'HS256' })",
		Policy:  "tokens: [{match: \"/api/\", reissue: {lifetime: 1h}}]"},
	{ID: TokenUnverified, Mistake: 5, Title: "Changed token is accepted", Severity: Critical, CWE: 347,
		Why:     "An app that decodes tokens without verifying them takes anybody for whom he says he is.",
		Express: "jwt.verify(token, process.env.JWT_SECRET, { algorithms: ['HS256'] }), never jwt.decode",
		Policy:  "tokens: [{match: \"/api/\", algorithms: [HS256], secret_env: JWT_SECRET}]"},
}
