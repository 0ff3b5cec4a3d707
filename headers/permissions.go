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

// Permissions is the Permissions-Policy header. Its short form is the header's
// value: camera=(), geolocation=(self "https://maps.example").
type Permissions struct {
	Off bool `yaml:"off"`
	// Features maps feature names, as camera, to who may use them: an empty list
	// is nobody; the words self, src and *; and origins as https://maps.example.
	Features map[string][]string `yaml:"features"`
}

var featureName = regexp.MustCompile(`^[a-z]([a-z0-9-]*[a-z0-9])?$`)

// compile renders the header, a structured-field dictionary (RFC 8941), sorted
// by feature.
func (p Permissions) compile(faults *fault.List) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(p.Features)) {
		path := "permissions_policy.features." + name
		if !featureName.MatchString(name) {
			faults.Addf("permissions_policy.features", "lower-case words with dashes, as camera", "%q is no feature name", name)
			continue
		}
		var allowed []string
		for i, who := range p.Features[name] {
			switch {
			case who == "self" || who == "src" || who == "*":
				allowed = append(allowed, who)
			case validOrigin(who):
				allowed = append(allowed, `"`+who+`"`)
			default:
				faults.Addf(fmt.Sprintf("%s[%d]", path, i), "self, src, *, or an origin as https://maps.example", "%q is not known", who)
			}
		}
		if len(allowed) == 1 && allowed[0] == "*" {
			parts = append(parts, name+"=*")
			continue
		}
		if slices.Contains(allowed, "*") {
			faults.Add(path, "* stands alone", "it allows the others already")
		}
		parts = append(parts, name+"=("+strings.Join(allowed, " ")+")")
	}
	return strings.Join(parts, ", ")
}

// validOrigin accepts scheme, host and port; the host may start with `*.`.
func validOrigin(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' || r == '%' }) {
		return false
	}
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && s == u.Scheme+"://"+u.Host
}

// UnmarshalText reads `off`, `on` (not sent) or the header's value.
func (p *Permissions) UnmarshalText(b []byte) error {
	value, off, err := word(b)
	*p = Permissions{Off: off}
	if err != nil || value == "" {
		return err
	}
	p.Features = make(map[string][]string)
	for part := range strings.SplitSeq(value, ",") {
		name, list, ok := strings.Cut(strings.TrimSpace(part), "=")
		inner, open := strings.CutPrefix(list, "(")
		inner, closed := strings.CutSuffix(inner, ")")
		_, twice := p.Features[name]
		if !ok || twice || open != closed || !open && list != "*" {
			return fault.Fault{Message: fmt.Sprintf("%q is not readable", part), Hint: `each feature once, as camera=(), geolocation=(self "https://maps.example")`}
		}
		allowed := []string{}
		for who := range strings.FieldsSeq(inner) {
			origin, quoted := strings.CutPrefix(who, `"`)
			origin, end := strings.CutSuffix(origin, `"`)
			if quoted != end || !quoted && strings.Contains(who, ":") {
				return fault.Fault{Message: fmt.Sprintf("%s is not readable", who), Hint: "origins in double quotes"}
			}
			allowed = append(allowed, origin)
		}
		p.Features[name] = allowed
	}
	return nil
}

// MarshalText gives `off`, or nothing where the map is needed.
func (p Permissions) MarshalText() ([]byte, error) { return onlyOff(p.Off) }
