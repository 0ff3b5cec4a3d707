// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
)

// Endpoints is the Reporting-Endpoints header: where browsers send the reports
// that report-to directives ask for. Its short form is the header's value:
// csp="https://reports.example/csp".
type Endpoints struct {
	Off bool `yaml:"off"`
	// Endpoints maps names to URLs: https, or a path of this site.
	Endpoints map[string]string `yaml:"endpoints"`
}

// endpointName is a key of a structured field (RFC 8941).
var endpointName = regexp.MustCompile(`^[a-z*][a-z0-9_.*-]*$`)

// compile renders the header, sorted by name.
func (e Endpoints) compile(faults *fault.List) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(e.Endpoints)) {
		at := e.Endpoints[name]
		switch {
		case !endpointName.MatchString(name):
			faults.Addf("reporting_endpoints.endpoints", "lower-case letters, digits and dashes, as csp", "%q is no endpoint name", name)
		case !reportURL(at):
			faults.Addf("reporting_endpoints.endpoints."+name, "https://reports.example/csp, or a path as /csp-reports", "%q is no place for reports", at)
		}
		parts = append(parts, name+`="`+at+`"`)
	}
	return strings.Join(parts, ", ")
}

// reportURL accepts what browsers send reports to: never plain HTTP.
func reportURL(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }) {
		return false
	}
	u, err := url.Parse(s)
	if err != nil || u.User != nil {
		return false
	}
	return u.Scheme == "https" && u.Hostname() != "" || u.Scheme == "" && u.Host == "" && strings.HasPrefix(s, "/")
}

// UnmarshalText reads `off`, `on` (not sent) or the header's value.
func (e *Endpoints) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	*e = Endpoints{Off: off}
	if err != nil || value == "" {
		return err
	}
	e.Endpoints = make(map[string]string)
	for part := range strings.SplitSeq(value, ",") {
		name, at, _ := strings.Cut(strings.TrimSpace(part), "=")
		at, open := strings.CutPrefix(at, `"`)
		at, closed := strings.CutSuffix(at, `"`)
		if _, twice := e.Endpoints[name]; twice || !open || !closed {
			return fault.Fault{Message: fmt.Sprintf("%q is not readable", part), Hint: `each name once, as csp="https://reports.example/csp"`}
		}
		e.Endpoints[name] = at
	}
	return nil
}

// MarshalText gives `off`, or nothing where the map is needed.
func (e Endpoints) MarshalText() ([]byte, error) { return onlyOff(e.Off) }

var clearable = []string{"cache", "cookies", "storage", "executionContexts", "clientHints", "prefetchCache", "prerenderCache", "*"}

// compileClear renders Clear-Site-Data, quoted as the header wants it.
func compileClear(faults *fault.List, what []string) string {
	var quoted []string
	for i, w := range what {
		at := fmt.Sprintf("clear_site_data[%d]", i)
		if !slices.Contains(clearable, w) {
			faults.Addf(at, "one of "+strings.Join(clearable, ", "), "%q is not known", w)
		}
		if slices.Contains(what[:i], w) {
			faults.Addf(at, "each word once", "%q is there twice", w)
		}
		quoted = append(quoted, `"`+w+`"`)
	}
	return strings.Join(quoted, ", ")
}
