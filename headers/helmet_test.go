// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/internal/conf"
)

// helmetVectors are Helmet 8.3.0's own test suite, recorded. They live beside
// the repository, not in it.
const helmetVectors = "../../shared/vectors/helmet.json"

// helmetHeld is how many of the 221 cases hold; the rest is in helmetDiffers.
const helmetHeld = 208

// helmetDiffers are the cases in which Panoply does something else on purpose.
var helmetDiffers = map[string]string{
	// An empty string is the zero value of a Go field, which is the secure
	// default: Helmet fails, Panoply sends the default.
	"helmet-097": "empty is the default (COEP: not sent)",
	"helmet-111": "empty is the default",
	"helmet-124": "empty is the default",
	"helmet-253": "empty is the default",
	"helmet-269": "empty is the default",

	// Helmet warns about options that do nothing; a policy file has no keys
	// that do nothing.
	"helmet-150": "unknown keys are errors",
	"helmet-151": "unknown keys are errors",
	"helmet-152": "unknown keys are errors",
	"helmet-153": "unknown keys are errors",
	"helmet-154": "unknown keys are errors",

	"helmet-213": "a fraction of a second is a mistake, not rounded down",
	"helmet-214": "a fraction of a second is a mistake, not rounded down",
	"helmet-224": "YAML spells the number and the quoted number the same to a field of its own type",
}

// yamlNames are Helmet's option names, its older ones too, in the policy file.
var yamlNames = map[string]string{
	"contentSecurityPolicy": "content_security_policy", "crossOriginEmbedderPolicy": "cross_origin_embedder_policy",
	"crossOriginOpenerPolicy": "cross_origin_opener_policy", "crossOriginResourcePolicy": "cross_origin_resource_policy",
	"originAgentCluster": "origin_agent_cluster", "referrerPolicy": "referrer_policy",
	"strictTransportSecurity": "strict_transport_security", "hsts": "strict_transport_security",
	"xContentTypeOptions": "x_content_type_options", "noSniff": "x_content_type_options",
	"xDnsPrefetchControl": "x_dns_prefetch_control", "dnsPrefetchControl": "x_dns_prefetch_control",
	"xDownloadOptions": "x_download_options", "ieNoOpen": "x_download_options",
	"xFrameOptions": "x_frame_options", "frameguard": "x_frame_options",
	"xPermittedCrossDomainPolicies": "x_permitted_cross_domain_policies", "permittedCrossDomainPolicies": "x_permitted_cross_domain_policies",
	"xPoweredBy": "x_powered_by", "hidePoweredBy": "x_powered_by",
	"xXssProtection": "x_xss_protection", "xssFilter": "x_xss_protection",
	"useDefaults": "use_defaults", "reportOnly": "report_only", "maxAge": "max_age",
	"includeSubDomains": "include_subdomains", "permittedPolicies": "permitted_policies",
}

// translate writes Helmet's options as a policy file. JSON is YAML; what has to
// change is the names, and the values with which Helmet says on, off and drop.
func translate(options json.RawMessage, path ...string) string {
	switch s := string(options); {
	case len(path) == 0 && s == "null":
		return "{}"
	case len(path) == 1 && (s == "true" || s == "null" || s == "{}"):
		return "on"
	case len(path) == 1 && s == "false":
		return "off"
	case len(path) == 3 && path[1] == "directives" && s == "null":
		return "off"
	case !strings.HasPrefix(s, "{"):
		return s
	}
	var b strings.Builder
	dec := json.NewDecoder(bytes.NewReader(options))
	dec.Token() // {
	for dec.More() {
		key, _ := dec.Token()
		var value json.RawMessage
		dec.Decode(&value)
		name, known := yamlNames[key.(string)]
		if !known || len(path) > 1 {
			name = key.(string)
		}
		quoted, _ := json.Marshal(name)
		fmt.Fprintf(&b, "%s: %s, ", quoted, translate(value, append(slices.Clip(path), name)...))
	}
	return "{" + b.String() + "}"
}

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

func TestHelmetVectors(t *testing.T) {
	data, err := os.ReadFile(helmetVectors)
	if err != nil {
		t.Skipf("SKIPPED: Helmet's vectors are not here, so nothing was compared with them: %v", err)
	}
	var file struct{ Cases []helmetCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	held := 0
	for _, c := range file.Cases {
		err := c.run()
		reason, differs := helmetDiffers[c.ID]
		switch {
		case err == nil && differs:
			t.Errorf("%s holds, although it should differ: %s", c.ID, reason)
		case err != nil && !differs:
			t.Errorf("%s (%s): %v", c.ID, c.Test, err)
		case err == nil:
			held++
		}
	}
	t.Logf("%d of %d cases hold, %d differ on purpose", held, len(file.Cases), len(helmetDiffers))
	if held < helmetHeld {
		t.Errorf("%d cases hold; there were %d before", held, helmetHeld)
	}
}

// run reports how Panoply differs from what Helmet did.
func (c *helmetCase) run() error {
	options := c.HelmetOptions
	if options == nil {
		options = c.Options
	}
	var cfg Config
	_, err := conf.Decode("helmet.yaml", []byte(translate(options)), &cfg)
	var h *Headers
	if err == nil {
		h, err = New(cfg)
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
	h.Apply(got, true)
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
