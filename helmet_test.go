// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply_test

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/panoply-security/panoply"
)

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

// TestHelmetVectors holds Helmet 8.3.0's own test suite, recorded, against the
// answers of an app behind a suit whose policy file says what the case says.
// All of it holds. Package headers holds the same cases against the Go fields.
func TestHelmetVectors(t *testing.T) {
	data, err := os.ReadFile("../shared/vectors/helmet.json")
	if err != nil {
		t.Skipf("CONFORMANCE DATA ABSENT, NOTHING HELD AGAINST IT: %v", err)
	}
	var file struct{ Cases []helmetCase }
	if err := json.Unmarshal(data, &file); err != nil {
		t.Fatal(err)
	}
	if len(file.Cases) != 221 {
		t.Errorf("%d cases; there were 221", len(file.Cases))
	}
	for _, c := range file.Cases {
		if err := c.run(); err != nil {
			t.Errorf("%s (%s): %v", c.ID, c.Test, err)
		}
	}
}

// run reports how an answer differs from what Helmet did.
func (c *helmetCase) run() error {
	options := c.HelmetOptions
	if options == nil {
		options = c.Options
	}
	p, err := panoply.Parse("helmet.yaml", []byte("headers: "+translate(options)+"\n"))
	var suit *panoply.Suit
	if err == nil {
		suit, err = panoply.New(p)
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
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	r.TLS = &tls.ConnectionState{}
	suit.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Powered-By", "Helmet test")
		for name, value := range c.UpstreamHeaders {
			w.Header().Set(name, value)
		}
	})).ServeHTTP(w, r)
	got := w.Result().Header
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
