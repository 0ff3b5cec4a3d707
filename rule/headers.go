// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

// The rules of mistake 1.
const (
	HeadersNone            ID = "headers/none"
	HeadersCSPMissing      ID = "headers/csp-missing"
	HeadersCSPWeak         ID = "headers/csp-weak"
	HeadersHSTS            ID = "headers/hsts"
	HeadersNoSniff         ID = "headers/nosniff"
	HeadersFraming         ID = "headers/framing"
	HeadersReferrer        ID = "headers/referrer"
	HeadersCrossOrigin     ID = "headers/cross-origin"
	HeadersPoweredBy       ID = "headers/powered-by"
	HeadersServer          ID = "headers/server-version"
	HeadersRedirect        ID = "headers/no-https-redirect"
	HeadersCORSCredentials ID = "headers/cors-any-origin"
	HeadersMixedContent    ID = "headers/mixed-content"
	HeadersIntegrity       ID = "headers/integrity"
	HeadersCertificate     ID = "headers/certificate"
)

var headerRules = []Rule{
	{ID: HeadersNone, Mistake: 1, Title: "No security headers", Severity: Medium, CWE: 693,
		Why:     "Without them a browser runs any script that gets into a page, lets other sites frame it and guesses types: every small hole becomes a big one.",
		Express: "app.use(helmet()), before the first route",
		Policy:  "headers: {} # the default; set only what has to differ"},
	{ID: HeadersCSPMissing, Mistake: 1, Title: "No Content-Security-Policy", Severity: Medium, CWE: 693,
		Why:     "A script that an attacker gets into a page runs with the page's rights and sends its data anywhere.",
		Express: "app.use(helmet()), with contentSecurityPolicy left on",
		Policy:  "headers: {content_security_policy: on}"},
	{ID: HeadersCSPWeak, Mistake: 1, Title: "Content-Security-Policy lets scripts through", Severity: Medium, CWE: 693,
		Why:     "With 'unsafe-inline', a wildcard or no default-src in force for scripts, an injected script runs in spite of the policy.",
		Express: `helmet({ contentSecurityPolicy: { directives: { scriptSrc: ["'self'"] } } }), and inline scripts moved into files`,
		Policy:  `headers: {content_security_policy: {directives: {script-src: ["'self'"]}}}`},
	{ID: HeadersHSTS, Mistake: 1, Title: "No Strict-Transport-Security", Severity: Medium, CWE: 319,
		Why:     "Somebody on the way answers the first plain HTTP request of a visit and keeps the browser off TLS from there on.",
		Express: "app.use(helmet()), behind a proxy with app.set('trust proxy', …)",
		Policy:  "headers: {strict_transport_security: {max_age: 31536000, include_subdomains: true}}"},
	{ID: HeadersNoSniff, Mistake: 1, Title: "Browsers may guess content types", Severity: Low, CWE: 430,
		Why:     "Without X-Content-Type-Options: nosniff a browser may run an upload or a JSON answer as script.",
		Express: "app.use(helmet())",
		Policy:  "headers: {x_content_type_options: on}"},
	{ID: HeadersFraming, Mistake: 1, Title: "Any site may frame the page", Severity: Medium, CWE: 1021,
		Why:     "Another site shows the page in an invisible frame and has its visitors click what they do not see.",
		Express: "app.use(helmet()), which sends frame-ancestors 'self' and X-Frame-Options",
		Policy:  "headers: {x_frame_options: sameorigin, content_security_policy: on}"},
	{ID: HeadersReferrer, Mistake: 1, Title: "Addresses leak to other sites", Severity: Low, CWE: 200,
		Why:     "A page's full address, ids and tokens in it included, is sent to every site it links to.",
		Express: "app.use(helmet()), which sends Referrer-Policy: no-referrer",
		Policy:  "headers: {referrer_policy: no-referrer}"},
	{ID: HeadersCrossOrigin, Mistake: 1, Title: "No isolation from other origins", Severity: Low, CWE: 346,
		Why:     "Windows and pages of other origins reach into this one, or load its answers where side channels can read them.",
		Express: "app.use(helmet()), which sends Cross-Origin-Opener-Policy and Cross-Origin-Resource-Policy",
		Policy:  "headers: {cross_origin_opener_policy: on, cross_origin_resource_policy: on}"},
	{ID: HeadersPoweredBy, Mistake: 1, Title: "X-Powered-By names the framework", Severity: Low, CWE: 200,
		Why:     "An attacker who knows the framework tries its holes first.",
		Express: "app.disable('x-powered-by')",
		Policy:  "headers: {x_powered_by: on} # on removes it"},
	{ID: HeadersServer, Mistake: 1, Title: "Server names a version", Severity: Low, CWE: 200,
		Why:     "An attacker who knows the version looks up its published holes.",
		Express: "res.removeHeader('Server'), or server_tokens off in the proxy that adds it",
		Policy:  "headers: {server: on} # on removes it"},
	{ID: HeadersRedirect, Mistake: 1, Title: "Plain HTTP is not redirected to TLS", Severity: Medium, CWE: 319,
		Why:     "Whoever types the address without https is served in the clear, cookies included.",
		Express: "if (!req.secure) return res.redirect(308, 'https://' + HOST + req.originalUrl)",
		Policy:  "tls: {cert: cert.pem, key: key.pem}"},
	{ID: HeadersCORSCredentials, Mistake: 1, Title: "Any origin may read answers with credentials", Severity: High, CWE: 942,
		Why:     "Access-Control-Allow-Origin repeats whatever origin asks, so any site reads the visitor's data with the visitor's cookies.",
		Express: "cors({ origin: ['https://shop.example'], credentials: true }), never origin: true"},
	{ID: HeadersMixedContent, Mistake: 1, Title: "Page over TLS loads things over plain HTTP", Severity: Medium, CWE: 319,
		Why:     "Whoever is on the way changes what comes over plain HTTP: a script of his runs in the page.",
		Express: "write https:// or a path instead of http://; helmet's policy has upgrade-insecure-requests",
		Policy:  "headers: {content_security_policy: {directives: {upgrade-insecure-requests: []}}}"},
	{ID: HeadersIntegrity, Mistake: 1, Title: "Script of another host without integrity", Severity: Low, CWE: 353,
		Why:     "Whoever changes the script there runs his code in this page, with its visitors' rights.",
		Express: `<script src="https://cdn.example/lib.js" integrity="sha384-…" crossorigin="anonymous"></script>, or a copy of it under your own host`},
	{ID: HeadersCertificate, Mistake: 1, Title: "TLS that browsers do not trust", Severity: High, CWE: 295,
		Why:     "A visitor who learns to click the warning away does so too when it is somebody else's certificate.",
		Express: "a certificate for this name of an authority that browsers know, renewed before it ends",
		Policy:  "tls: {cert: cert.pem, key: key.pem} # or acme: {domains: [shop.example]}"},
}
