// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
)

type helmetCase struct {
	ID              string            `json:"id"`
	Test            string            `json:"test"`
	Target          string            `json:"target"`
	Options         json.RawMessage   `json:"options"`
	HelmetOptions   json.RawMessage   `json:"helmet_options"`
	UpstreamHeaders map[string]string `json:"upstream_headers"`
	Expect          struct {
		Headers      map[string]*string `json:"headers"`
		CSP          *helmetCSP         `json:"csp_directive_set"`
		Construction string             `json:"construction_error"`
		Constructs   bool               `json:"constructs"`
	} `json:"expect"`
}

type helmetCSP struct {
	Header     string   `json:"header"`
	Directives []string `json:"directives"`
}

// TestHelmetVectors holds Helmet 8.3.0's own test suite, recorded, against a
// Config written in Go. Where it cannot be written (errNoGo), that is what holds:
// the mistake that Helmet finds when it runs does not compile. The root package
// holds all of the cases against a policy file.
func TestHelmetVectors(t *testing.T) {
	data, err := os.ReadFile("../../shared/vectors/helmet.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct{ Cases []helmetCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	var unsayable []string
	for _, c := range file.Cases {
		err := c.run()
		if errors.Is(err, errNoGo) && c.Expect.Construction != "" {
			unsayable = append(unsayable, c.ID)
		} else if err != nil {
			t.Errorf("%s (%s): %v", c.ID, c.Test, err)
		}
	}
	t.Logf("%d cases; %d mistakes cannot be made in Go: %v", len(file.Cases), len(unsayable), unsayable)
	if len(file.Cases) != 221 || len(unsayable) != notInGo {
		t.Errorf("%d cases, %d not in Go; want 221, %d", len(file.Cases), len(unsayable), notInGo)
	}
}

// notInGo is how many of Helmet's construction errors are no Go.
const notInGo = 40

// errNoGo says what of a case is no Go.
var errNoGo = errors.New("not to be written in Go")

// run reports how Panoply differs from what Helmet did.
func (c *helmetCase) run() error {
	options := c.HelmetOptions
	if options == nil {
		options = c.Options
	}
	cfg, err := inGo(options)
	var h *Headers
	if err == nil {
		h, err = New(cfg)
	}
	if errors.Is(err, errNoGo) {
		return err
	}
	if c.Expect.Construction != "" {
		if err == nil {
			return fmt.Errorf("constructed; Helmet says %s", c.Expect.Construction)
		}
		return nil
	}
	if err != nil {
		return err
	}
	got := http.Header{"X-Powered-By": {"Helmet test"}}
	for name, value := range c.UpstreamHeaders {
		got.Set(name, value)
	}
	h.Apply(got, Request{TLS: true})
	for name, want := range c.Expect.Headers {
		values, ok := got[http.CanonicalHeaderKey(name)]
		switch {
		case want == nil && ok:
			return fmt.Errorf("%s is %q; want none", name, values)
		case want != nil && (len(values) != 1 || values[0] != *want):
			return fmt.Errorf("%s is %q; want %q", name, values, *want)
		}
	}
	if set := c.Expect.CSP; set != nil {
		directives := strings.Split(got.Get(set.Header), ";")
		slices.Sort(directives)
		slices.Sort(set.Directives)
		if !slices.Equal(directives, set.Directives) {
			return fmt.Errorf("got %q; want %q", directives, set.Directives)
		}
	}
	return nil
}

// inGo writes Helmet's options as Go fields.
func inGo(options json.RawMessage) (c Config, err error) {
	var all map[string]any
	json.Unmarshal(options, &all)
	seen := make(map[string]bool)
	for name, given := range all {
		o := option{given, &err}
		field := strings.ToLower(strings.TrimPrefix(cmp.Or(older[name], name), "x"))
		if seen[field] {
			return c, fmt.Errorf("%w: %s twice", errNoGo, field)
		}
		seen[field] = true
		choice := func() Choice { return Choice{o.off(), o.text("policy")} }
		one := func() Switch { s := Switch{Off: o.off()}; s.Ignored, _ = given.(map[string]any); return s }
		switch field {
		case "contentsecuritypolicy":
			c.ContentSecurityPolicy = o.csp()
		case "crossoriginembedderpolicy":
			c.CrossOriginEmbedderPolicy = Embedder(choice())
			if o.on() {
				c.CrossOriginEmbedderPolicy.Policy = cmp.Or(c.CrossOriginEmbedderPolicy.Policy, "require-corp")
			}
		case "crossoriginopenerpolicy":
			c.CrossOriginOpenerPolicy = choice()
		case "crossoriginresourcepolicy":
			c.CrossOriginResourcePolicy = choice()
		case "originagentcluster":
			c.OriginAgentCluster = one()
		case "referrerpolicy":
			c.ReferrerPolicy = Referrer{o.off(), o.list("policy")}
		case "stricttransportsecurity":
			c.StrictTransportSecurity = HSTS{Off: o.off(), MaxAge: o.seconds("maxAge"),
				ExcludeSubdomains: !o.flag("includeSubDomains", true), Preload: o.flag("preload", false)}
		case "contenttypeoptions":
			c.XContentTypeOptions = one()
		case "dnsprefetchcontrol":
			c.XDNSPrefetchControl = DNSPrefetch{o.off(), o.flag("allow", false)}
		case "downloadoptions":
			c.XDownloadOptions = one()
		case "frameoptions":
			c.XFrameOptions = Frame{o.off(), o.text("action")}
		case "permittedcrossdomainpolicies":
			c.XPermittedCrossDomainPolicies = CrossDomain{o.off(), o.text("permittedPolicies")}
		case "poweredby":
			c.XPoweredBy = one()
		case "xssprotection":
			c.XXSSProtection = one()
		default:
			return c, fmt.Errorf("%w: no field %s", errNoGo, name)
		}
	}
	return c, err
}

// older are Helmet's older names.
var older = map[string]string{"hsts": "strictTransportSecurity", "noSniff": "xContentTypeOptions",
	"dnsPrefetchControl": "xDnsPrefetchControl", "ieNoOpen": "xDownloadOptions", "frameguard": "xFrameOptions",
	"permittedCrossDomainPolicies": "xPermittedCrossDomainPolicies", "hidePoweredBy": "xPoweredBy", "xssFilter": "xXssProtection"}

// option is what one of Helmet's options was given.
type option struct {
	given any
	err   *error
}

func (o option) no(what string) { *o.err = fmt.Errorf("%w: %s %v", errNoGo, what, o.given) }

func (o option) off() bool { return o.given == false }

func (o option) on() bool { return o.given != nil && o.given != false }

func (o option) of(key string) any {
	m, _ := o.given.(map[string]any)
	for k := range m {
		if k != key && !slices.Contains([]string{"maxAge", "includeSubDomains", "preload", "useDefaults", "directives", "reportOnly"}, k) {
			o.no(k) // no field of that name
		}
	}
	if v, given := m[key]; given && v == nil {
		o.no(key) // nil is no value of the field
	}
	return m[key]
}

func (o option) text(key string) string {
	s, is := o.of(key).(string)
	if v := o.of(key); is && s == "" || v != nil && !is {
		o.no(key) // "" is the field left out, and all else no string
	}
	return s
}

func (o option) flag(key string, unasked bool) bool {
	switch v := o.of(key).(type) {
	case nil:
		return unasked
	case bool:
		return v
	}
	o.no(key)
	return false
}

func (o option) list(key string) []string { return o.strings(o.of(key), key) }

func (o option) strings(v any, what string) (all []string) {
	switch v := v.(type) {
	case nil:
	case string:
		return []string{v}
	case []any:
		all = []string{}
		for _, one := range v {
			s, is := one.(string)
			if !is {
				o.no(what)
			}
			all = append(all, s)
		}
	default:
		o.no(what)
	}
	return all
}

func (o option) seconds(key string) Seconds {
	switch v := o.of(key).(type) {
	case nil:
		return 0
	case float64:
		switch {
		case v == 0:
			return None
		case v == float64(None) || v < 0 && v != math.Floor(v):
			o.no(key) // None is another word for 0, and a Seconds has no fractions
		}
		return Seconds(math.Floor(v))
	}
	o.no(key)
	return 0
}

func (o option) csp() CSP {
	c := CSP{Off: o.off(), NoDefaults: !o.flag("useDefaults", true), ReportOnly: o.flag("reportOnly", false)}
	given := o.of("directives")
	m, is := given.(map[string]any)
	if given != nil && !is {
		o.no("directives")
	}
	if m != nil {
		c.Directives = make(map[string][]string)
	}
	for name, v := range m {
		c.Directives[name] = o.strings(v, name)
		if v == nil {
			c.Directives[name] = []string{"off"}
		}
	}
	return c
}
