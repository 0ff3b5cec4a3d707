// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"cmp"

	"github.com/panoply-security/panoply/headers"
	"github.com/panoply-security/panoply/internal/conf"
	"github.com/panoply-security/panoply/internal/cookies"
	"github.com/panoply-security/panoply/nosql"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/upload"
	"github.com/panoply-security/panoply/validate"
)

// Policy is everything that Panoply does for one app: the structure of the
// policy file, in Go. The zero value is the full suit in the strict profile,
// with the article's numbers.
type Policy struct {
	Listen   []string     `yaml:"listen" doc:"guard: where to listen, host:port, or unix:/run/panoply.sock, or a list of such; 127.0.0.1:8080 by default"`
	Upstream string       `yaml:"upstream" doc:"guard: the app behind, http://host:port or unix:/run/app.sock"`
	Admin    AdminSection `yaml:"admin" doc:"guard: where health, metrics and the operator's page are served; off switches it off"`
	// AccessLog has a line in the log for every request, and not only for what was refused.
	AccessLog bool `yaml:"access_log" doc:"guard: log every request: method, path, status, time; false by default"`

	// Upstreams are several servers, and more that can be said of them, instead of Upstream.
	Upstreams      []UpstreamGroup `yaml:"upstreams" doc:"guard: the app's servers, in groups by host and path; instead of upstream"`
	UpstreamSecret UpstreamSecret  `yaml:"upstream_secret" doc:"guard: a header that tells the app that a request came through the guard"`

	Profile     Profile     `yaml:"profile" doc:"strict (the default) or compatible: for an app that nobody has looked at yet"`
	Environment Environment `yaml:"environment" doc:"production (the default) or development: shows causes, on loopback only"`
	Mode        Mode        `yaml:"mode" doc:"enforce (the default), report or off, for every section that does not say otherwise"`

	// Exceptions are routes on which less is enforced than elsewhere.
	Exceptions []Exception `yaml:"exceptions" doc:"routes on which protections only report, or are off"`

	// TrustedProxies must be stated, if only as an empty list, by a guard that
	// listens beyond loopback.
	TrustedProxies  []string `yaml:"trusted_proxies" doc:"CIDRs of the proxies in front whose forwarding header is believed"`
	ForwardedHeader string   `yaml:"forwarded_header" doc:"the one header that trusted proxies write: X-Forwarded-For (the default), Forwarded or X-Real-IP"`

	ProxyProtocol []string `yaml:"proxy_protocol" doc:"guard: CIDRs of the load balancers that begin each connection with a PROXY header, and must"`

	Connections Connections `yaml:"connections" doc:"guard: how many connections clients may have open"`

	// NoWatch leaves it to SIGHUP when the guard reads its files anew.
	NoWatch bool `yaml:"watch,not" doc:"guard: have changes of this file, and of those it names, take effect by themselves; true by default"`

	TLS        TLS              `yaml:"tls" doc:"guard: serve TLS with this certificate"`
	CORS       CORS             `yaml:"cors" doc:"which front ends may read Panoply's own answers"`
	CSP        CSPSection       `yaml:"csp" doc:"guard: learn, or enforce what was learned and reviewed, as the Content-Security-Policy of the app's pages"`
	Headers    HeadersSection   `yaml:"headers" doc:"mistake 1: security headers"`
	RateLimits RateLimitSection `yaml:"rate_limits" doc:"mistake 2: rate limits"`
	Bodies     BodiesSection    `yaml:"bodies" doc:"mistake 3: body size and schemas"`
	Errors     ErrorsSection    `yaml:"errors" doc:"mistake 4: what error answers tell"`
	Cookies    CookiesSection   `yaml:"cookies" doc:"mistake 5: the app's cookies"`
	Tokens     TokensSection    `yaml:"tokens" doc:"mistake 5: tokens on the way in and out"`
	Uploads    UploadsSection   `yaml:"uploads" doc:"mistake 6: uploads per route"`
	NoSQL      NoSQLSection     `yaml:"nosql" doc:"mistake 7: query operators"`

	dir    string          // of the policy file, for the files it names
	places *conf.Positions // of the policy file's values, for faults
}

// Mode says what becomes of a decision.
type Mode string

// The modes. The zero value of a section's mode is the policy's, and that of
// the policy's is enforce.
const (
	Enforce Mode = "enforce" // refuse
	Report  Mode = "report"  // log what would be refused, change nothing
	Off     Mode = "off"     // do not look
)

// Values are the words a policy may use.
func (Mode) Values() []string { return []string{string(Enforce), string(Report), string(Off)} }

// UnmarshalText lets a section be written as its mode alone: `headers: off`.
func (m *Mode) UnmarshalText(b []byte) error {
	*m = Mode(b)
	return nil
}

// Profile is a set of defaults.
type Profile string

// The profiles.
const (
	Strict     Profile = "strict"
	Compatible Profile = "compatible"
)

// Values are the words a policy may use.
func (Profile) Values() []string { return []string{string(Strict), string(Compatible)} }

// Environment says who sees the cause of an error.
type Environment string

// The environments.
const (
	Production  Environment = "production"
	Development Environment = "development"
)

// Values are the words a policy may use.
func (Environment) Values() []string { return []string{string(Production), string(Development)} }

// AdminSection is the operator's listener. Its short form is the address alone.
type AdminSection struct {
	Listen string `yaml:"listen" doc:"host:port, 127.0.0.1:9901 by default; off switches it off"`
	// TokenEnv must be named beyond loopback.
	TokenEnv string `yaml:"token_env" doc:"variable with the token that must be sent, as Bearer or as the password of Basic; at least 32 bytes"`
	// Hosts are the names by which the listener may be asked, besides those of loopback:
	// others are refused, so that no page on the web reaches it by pointing its own name at it.
	Hosts []string `yaml:"hosts" doc:"host names or addresses by which it may be asked, besides loopback's"`
	Pprof bool     `yaml:"pprof" doc:"serve Go's profiles under /debug/pprof/; false by default"`
}

// UnmarshalText reads the short form.
func (a *AdminSection) UnmarshalText(b []byte) error {
	*a = AdminSection{Listen: string(b)}
	return nil
}

// MarshalText gives the short form, empty where it would not say everything.
func (a AdminSection) MarshalText() ([]byte, error) {
	if a.TokenEnv != "" || len(a.Hosts) > 0 || a.Pprof {
		return nil, nil
	}
	return []byte(a.Listen), nil
}

// TLS is a certificate and its key, PEM files named relative to the policy.
type TLS struct {
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
	// Redirect is where plain HTTP is answered too, only to send browsers to https.
	Redirect string `yaml:"redirect" doc:"where to listen for plain HTTP, host:port, and send what the certificate is for to https"`
	// ACME gets certificates by itself.
	ACME *ACME `yaml:"acme" doc:"get certificates from an authority such as Let's Encrypt, and renew them, instead of cert and key"`
}

// ACME has the guard get its certificates from an authority, and renew them, instead of Cert
// and Key. Naming domains agrees to the authority's terms.
type ACME struct {
	Domains []string `yaml:"domains" doc:"the names that certificates are for, without wildcards; at most 100"`
	Email   string   `yaml:"email" doc:"where the authority writes to"`
	CA      string   `yaml:"ca" doc:"the URL of the authority's ACME directory; Let's Encrypt by default"`
	Storage string   `yaml:"storage" doc:"the directory of certificates and keys, relative to the policy; acme by default"`
	Roots   string   `yaml:"roots" doc:"PEM file of what the ACME server's own certificate is from, for an authority of your own"`
}

// Connections bounds the connections that clients have open at once. What comes beyond a
// bound is answered with 503, up to 256 at a time, or closed without an answer.
type Connections struct {
	Max        int `yaml:"max" doc:"of all clients, 16384 by default, and at most half of the files that the process may have open"`
	PerAddress int `yaml:"per_address" doc:"of one address or IPv6 /56 that is no trusted proxy; 256 by default, when listening beyond loopback"`
}

// CORS names the front ends on other origins that must be able to read a 429 or
// a field error. It does not change the app's own CORS headers.
type CORS struct {
	Origins []string `yaml:"origins"`
}

// HeadersSection is the policy's section for package headers.
type HeadersSection struct {
	Mode           `yaml:"mode"`
	headers.Config `yaml:",inline"`
}

// CSPSection says how the guard comes by a Content-Security-Policy for the pages of an
// app that has none. Its short form is the mode.
type CSPSection struct {
	Mode    CSPMode `yaml:"mode" doc:"learn what the pages need and propose it in a file, enforce the file, or off (the default)"`
	File    string  `yaml:"file" doc:"where it is proposed, relative to the policy; csp.proposed.yaml by default"`
	Clients int     `yaml:"clients" doc:"how many clients must have seen what is proposed, 1 to 16; 3 by default"`
	// Guarded says that package guard/learn sees to it.
	Guarded bool `yaml:"-"`
}

// UnmarshalText reads the short form.
func (c *CSPSection) UnmarshalText(b []byte) error {
	*c = CSPSection{Mode: CSPMode(b)}
	return nil
}

// MarshalText gives the short form, empty where it would not say everything.
func (c CSPSection) MarshalText() ([]byte, error) {
	if c.File != "" || c.Clients != 0 {
		return nil, nil
	}
	return []byte(c.Mode), nil
}

// Effective is the section with its defaults spelled out.
func (c CSPSection) Effective() CSPSection {
	if c.Mode == Learn || c.Mode == EnforceCSP {
		c.File = cmp.Or(c.File, "csp.proposed.yaml")
		c.Clients = cmp.Or(c.Clients, 3)
	}
	return c
}

// CSPMode is what is done about the Content-Security-Policy of the app's pages.
type CSPMode string

// The modes. The zero value is off: the headers section alone says what is sent.
const (
	Learn      CSPMode = "learn"
	EnforceCSP CSPMode = "enforce"
	OffCSP     CSPMode = "off"
)

// Values are the words a policy may use.
func (CSPMode) Values() []string { return []string{string(Learn), string(EnforceCSP), string(OffCSP)} }

// RateLimitSection is the policy's section for package ratelimit.
type RateLimitSection struct {
	Mode             `yaml:"mode"`
	ratelimit.Config `yaml:",inline"`
	// NoGeneralLimit leaves out ratelimit.General, which the strict profile adds where
	// no rule is named general and none counts all requests to / itself.
	NoGeneralLimit bool `yaml:"no_general_limit" doc:"leave out the gentle limit of one client on everything, 6000 requests a minute and 3000 at once"`
}

// BodiesSection is the policy's section for package validate.
type BodiesSection struct {
	Mode            `yaml:"mode"`
	validate.Config `yaml:",inline"`
	OpenAPI         OpenAPI `yaml:"openapi" doc:"guard: the description of the app's API, OpenAPI 3.0 or 3.1"`
}

// OpenAPI names the description of the app's API. Package guard/openapi turns
// it into what Bodies.Operations declares; its short form is the file alone.
type OpenAPI struct {
	File string `yaml:"file" doc:"YAML or JSON, relative to the policy; one file"`
	// Undeclared is what becomes of requests below the document's servers that
	// no operation declares.
	Undeclared Undeclared `yaml:"undeclared" doc:"refuse (the default) or allow requests that no operation declares"`
	// Except are patterns that need no operation.
	Except []string `yaml:"except" doc:"patterns that are served though no operation declares them"`
	// Unknown is what becomes of undeclared fields and parameters.
	Unknown validate.Unknown `yaml:"unknown" doc:"reject (the default) or strip undeclared fields and parameters"`
}

// UnmarshalText reads the short form.
func (o *OpenAPI) UnmarshalText(b []byte) error {
	*o = OpenAPI{File: string(b)}
	return nil
}

// MarshalText gives the short form, empty where it would not say everything.
func (o OpenAPI) MarshalText() ([]byte, error) {
	if o.Undeclared != "" || len(o.Except) > 0 || o.Unknown != "" {
		return nil, nil
	}
	return []byte(o.File), nil
}

// Undeclared says what becomes of requests that no operation declares.
type Undeclared string

// They are refused (the default), or let pass unchecked.
const (
	Refuse Undeclared = "refuse"
	Allow  Undeclared = "allow"
)

// Values are the words a policy may use.
func (Undeclared) Values() []string { return []string{string(Refuse), string(Allow)} }

// ErrorsSection is the policy's section for package problem.
type ErrorsSection struct {
	Mode           `yaml:"mode"`
	problem.Config `yaml:",inline"`
}

// NoSQLSection is the policy's section for package nosql.
type NoSQLSection struct {
	Mode         `yaml:"mode"`
	nosql.Config `yaml:",inline"`
}

// CookiesSection hardens the cookies that the app sets, and looks at who sends them
// back.
type CookiesSection struct {
	Mode           `yaml:"mode"`
	cookies.Policy `yaml:",inline"`
	// CrossOrigin is what becomes of a request with cookies, by any other method than
	// GET, HEAD and OPTIONS, that a page of another site makes a browser send, as
	// CrossOriginProtection of net/http tells. Such requests are only reported by default: some
	// logins with another provider end in one. WebSockets count among them, and those the
	// strict profile refuses.
	CrossOrigin Mode `yaml:"cross_origin" doc:"report (the default), enforce or off: requests with cookies that other sites' pages send"`
	// Encrypt encrypts the values of session cookies on their way to the browser. Those that
	// the browser has from before are then not shown to the app: everybody logs in once more.
	Encrypt *cookies.Encryption `yaml:"encrypt"`
	// TrustedOrigins are other sites that may: https://login.example.
	TrustedOrigins []string `yaml:"trusted_origins" doc:"sites whose pages may send them: https://login.example"`
}

// TokensSection says what holds for tokens, route by route.
type TokensSection struct {
	Mode  `yaml:"mode"`
	Rules []TokenRule `yaml:"rules,list"`
	// KnownSecrets is a file with further secrets that are known, one a line: none of the
	// policy's variables may hold one, and the guard tries them on what the app gives out.
	KnownSecrets string `yaml:"known_secrets" doc:"a file of secrets that are known, one a line, relative to the policy; at most 16 MB and 1,000,000 lines"`
	// Revocations remembers the re-issued tokens that were ended. Nil is the memory of this
	// process; the guard sets the store of rate_limits where that is Redis.
	Revocations token.Revocations `yaml:"-"`
}

// TokenRule requires a verified token on its routes, or with Reissue stands
// between the app's tokens and its clients.
type TokenRule struct {
	Match        string   `yaml:"match"`
	Except       []string `yaml:"except"`
	token.Config `yaml:",inline"`
	Reissue      *token.ReissueConfig `yaml:"reissue"`
	// Logout are routes at which re-issued tokens end: those of a request that may pass are
	// revoked before the app sees it, whatever it answers, and it does not see the request
	// while the store does not answer. They make tokens revocable.
	Logout []string `yaml:"logout"`
	// ClaimHeaders name headers in which the app finds claims of the verified token,
	// X-User: sub. What clients send under these names never arrives, on any route. Text
	// that is no printable ASCII is percent-encoded, and so is the percent sign.
	ClaimHeaders map[string]string `yaml:"claim_headers"`
}

// UploadsSection bounds uploads, route by route. In the strict profile a route
// that no rule names has the defaults of package upload.
type UploadsSection struct {
	Mode  `yaml:"mode"`
	Rules []UploadRule `yaml:"rules,list"`
}

// UploadRule is the policy of one upload route.
type UploadRule struct {
	Match         string `yaml:"match"`
	upload.Config `yaml:",inline"`
}
