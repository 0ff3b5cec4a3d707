// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/panoply-security/panoply/internal/csp"
	"github.com/panoply-security/panoply/internal/fault"
)

// Every option type has the same two faces in YAML: the fields below as a map,
// and through UnmarshalText the short form in one word.

// CSP is a Content-Security-Policy. Its short form is the policy itself, which
// then has no defaults.
type CSP struct {
	Off bool `yaml:"off"`
	// NoDefaults leaves out the directives of Helmet's default policy, which
	// otherwise hold where Directives has none of that name.
	NoDefaults bool `yaml:"use_defaults,not"`
	// Directives maps names, script-src or scriptSrc, to their sources. The word
	// off alone drops a default; an empty list sends the directive without a
	// value.
	Directives map[string][]string `yaml:"directives"`
	// ReportOnly sends the policy as Content-Security-Policy-Report-Only, so
	// that it blocks nothing.
	ReportOnly bool `yaml:"report_only"`
	// InsecureNoDefaultSrc accepts a policy without default-src.
	InsecureNoDefaultSrc bool `yaml:"insecure_no_default_src"`
	// Nonces names the directives that allow what carries the answer's nonce
	// ([Nonce]): script-src, say. A Go app writes it into its pages itself. The guard
	// puts it on every script and style of a page, and so on what the app was tricked into
	// printing, too: what is left of the policy's protection is against event
	// handlers, javascript: addresses and what is inserted later.
	Nonces []string `yaml:"nonces"`
}

// Embedder is the Cross-Origin-Embedder-Policy: require-corp, credentialless or
// unsafe-none. The zero value is not sent.
type Embedder struct {
	Off    bool   `yaml:"off"`
	Policy string `yaml:"policy,filled"`
}

// Choice is a header whose value is one word out of a few.
type Choice struct {
	Off    bool   `yaml:"off"`
	Policy string `yaml:"policy,filled"`
}

// Switch is a header that has one safe value, or that is removed.
type Switch struct {
	Off bool `yaml:"off"`
	// Value may spell that one value out; any other is refused.
	Value string `yaml:"value,filled"`
	// Ignored are options that the header does not have. As in Helmet they
	// change nothing; they are named at start-up ([Config.Warnings]).
	Ignored map[string]any `yaml:",rest"`
}

// removed is the value of a Switch that takes a header off.
const removed = "removed"

// Referrer is the Referrer-Policy.
type Referrer struct {
	Off bool `yaml:"off"`
	// Policy lists tokens; a browser uses the last one it knows.
	Policy []string `yaml:"policy"`
}

// HSTS is the Strict-Transport-Security header.
type HSTS struct {
	Off bool `yaml:"off"`
	// MaxAge is how long browsers remember, in seconds. Default 31536000, one
	// year.
	MaxAge Seconds `yaml:"max_age"`
	// ExcludeSubdomains leaves subdomains out.
	ExcludeSubdomains bool `yaml:"include_subdomains,not"`
	// Preload asks to be put on the browsers' own lists, which is hard to undo.
	Preload bool `yaml:"preload"`
}

// Seconds is a lifetime in whole seconds. Zero stands for the default; [None]
// is no time at all, which YAML writes 0.
type Seconds int64

// None makes browsers forget a Strict-Transport-Security they remember.
const None Seconds = -1

// DNSPrefetch is the X-DNS-Prefetch-Control header.
type DNSPrefetch struct {
	Off   bool `yaml:"off"`
	Allow bool `yaml:"allow"`
}

// Frame is the X-Frame-Options header.
type Frame struct {
	Off    bool   `yaml:"off"`
	Action string `yaml:"action,filled"` // deny or sameorigin, in any case
}

// CrossDomain is the X-Permitted-Cross-Domain-Policies header.
type CrossDomain struct {
	Off               bool   `yaml:"off"`
	PermittedPolicies string `yaml:"permitted_policies,filled"`
}

// word reads a short form: off and on are the same for every header, and so
// are Helmet's false and true.
func word(text []byte) (value string, off bool, err error) {
	switch s := string(text); s {
	case "off", "false":
		return "", true, nil
	case "on", "true", "default":
		return "", false, nil
	case "":
		return "", false, fault.Fault{Message: "an empty value", Hint: "on, off or the header's value"}
	default:
		return s, false, nil
	}
}

// text writes a short form.
func text(off bool, value string) ([]byte, error) {
	switch {
	case off:
		return []byte("off"), nil
	case value == "":
		return []byte("on"), nil
	}
	return []byte(value), nil
}

// UnmarshalText reads `off`, `on` or a whole policy.
func (p *CSP) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	*p = CSP{Off: off}
	if err != nil || value == "" {
		return err
	}
	policy, repeated := csp.Parse(value)
	if len(repeated) > 0 {
		return fault.Fault{Message: fmt.Sprintf("the policy has %s twice", repeated[0]), Hint: "browsers use the first alone"}
	}
	p.NoDefaults, p.Directives = true, policy.Directives()
	return nil
}

// onlyOff writes the short form of a header whose options need the map: empty
// unless it is off.
func onlyOff(off bool) ([]byte, error) {
	if off {
		return []byte("off"), nil
	}
	return nil, nil
}

// MarshalText gives `off`, or nothing where the map is needed.
func (p CSP) MarshalText() ([]byte, error) { return onlyOff(p.Off) }

// UnmarshalText reads `off`, `on` (require-corp) or the policy.
func (e *Embedder) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	if value == "" && !off {
		value = "require-corp"
	}
	*e = Embedder{off, value}
	return err
}

// MarshalText gives the short form.
func (e Embedder) MarshalText() ([]byte, error) { return text(e.Off || e.Policy == "", e.Policy) }

// UnmarshalText reads `off`, `on` or the policy.
func (c *Choice) UnmarshalText(b []byte) error {
	var err error
	c.Policy, c.Off, err = word(b)
	return err
}

// MarshalText gives the short form.
func (c Choice) MarshalText() ([]byte, error) { return text(c.Off, c.Policy) }

func (c Choice) or(policy string) Choice {
	if !c.Off && c.Policy == "" {
		c.Policy = policy
	}
	return c
}

// UnmarshalText reads `off`, `on` or the header's one value.
func (s *Switch) UnmarshalText(b []byte) error {
	var err error
	s.Value, s.Off, err = word(b)
	return err
}

// MarshalText gives the short form.
func (s Switch) MarshalText() ([]byte, error) { return text(s.Off, s.Value) }

func (s Switch) or(value string) Switch {
	if !s.Off && s.Value == "" {
		s.Value = value
	}
	return s
}

// UnmarshalText reads `off`, `on` or tokens with commas between them.
func (r *Referrer) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	*r = Referrer{Off: off}
	if err != nil || value == "" {
		return err
	}
	for token := range strings.SplitSeq(value, ",") {
		r.Policy = append(r.Policy, strings.Trim(token, " "))
	}
	return nil
}

// MarshalText gives the short form, or nothing where the map is needed: for no
// token at all, and for the empty one.
func (r Referrer) MarshalText() ([]byte, error) {
	if r.Off || slices.Contains(r.Policy, "") {
		return onlyOff(r.Off)
	}
	return []byte(strings.Join(r.Policy, ", ")), nil
}

// UnmarshalText reads `off`, `on` or the header's value.
func (h *HSTS) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	*h = HSTS{Off: off}
	if err != nil || value == "" {
		return err
	}
	h.ExcludeSubdomains = true
	for part := range strings.SplitSeq(value, ";") {
		part = strings.TrimSpace(part)
		name, number, _ := strings.Cut(part, "=")
		switch {
		case strings.EqualFold(name, "max-age") && h.MaxAge == 0 && !strings.Contains(number, "."):
			if err := h.MaxAge.UnmarshalText([]byte(number)); err != nil {
				return err
			}
		case strings.EqualFold(part, "includeSubDomains"):
			h.ExcludeSubdomains = false
		case strings.EqualFold(part, "preload"):
			h.Preload = true
		default:
			return fault.Fault{Message: fmt.Sprintf("%q is no part of the header", part), Hint: "as max-age=31536000; includeSubDomains"}
		}
	}
	if h.MaxAge == 0 {
		return fault.Fault{Message: "max-age is missing", Hint: "as max-age=31536000; includeSubDomains"}
	}
	return nil
}

// MarshalText gives `off`, or nothing where the map is needed.
func (h HSTS) MarshalText() ([]byte, error) { return onlyOff(h.Off) }

// UnmarshalText reads a number of seconds; a part of one is dropped, as in
// Helmet.
func (s *Seconds) UnmarshalText(b []byte) error {
	whole, part, _ := strings.Cut(string(b), ".")
	n, err := strconv.ParseUint(whole, 10, 53)
	if err != nil || strings.Trim(part, "0123456789") != "" || strings.HasSuffix(string(b), ".") {
		return fault.Fault{Message: fmt.Sprintf("%q is no number of seconds", b), Hint: "a whole number, as 31536000 for a year"}
	}
	*s = Seconds(n)
	if n == 0 {
		*s = None
	}
	return nil
}

// MarshalText gives the number.
func (s Seconds) MarshalText() ([]byte, error) {
	return strconv.AppendInt(nil, s.count(), 10), nil
}

func (s Seconds) count() int64 { return int64(max(s, 0)) }

// UnmarshalText reads `off`, `on`, `deny` or `allow`.
func (d *DNSPrefetch) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	*d = DNSPrefetch{Off: off, Allow: value == "allow"}
	if err == nil && value != "" && value != "allow" && value != "deny" {
		return fault.Fault{Message: fmt.Sprintf("%q is not known", value), Hint: "deny or allow"}
	}
	return err
}

// MarshalText gives the short form.
func (d DNSPrefetch) MarshalText() ([]byte, error) {
	if d.Allow {
		return text(d.Off, "allow")
	}
	return text(d.Off, "deny")
}

// UnmarshalText reads `off`, `on` or the action.
func (f *Frame) UnmarshalText(b []byte) error {
	var err error
	f.Action, f.Off, err = word(b)
	return err
}

// MarshalText gives the short form.
func (f Frame) MarshalText() ([]byte, error) { return text(f.Off, f.Action) }

// UnmarshalText reads `off`, `on` or the policy.
func (c *CrossDomain) UnmarshalText(b []byte) error {
	var err error
	c.PermittedPolicies, c.Off, err = word(b)
	return err
}

// MarshalText gives the short form.
func (c CrossDomain) MarshalText() ([]byte, error) { return text(c.Off, c.PermittedPolicies) }
