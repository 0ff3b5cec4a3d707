// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"errors"
	"fmt"
	"os"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

// Apply readies a policy for a guard that learns, and adds what was learned and
// reviewed where it says csp: enforce: the routes of the file, before the policy's own, each of which reports
// to [Path]. The policy that comes with an error is fit for [panoply.New] all the same.
func Apply(p panoply.Policy) (panoply.Policy, error) {
	p.CSP.Guarded = true
	if p.CSP.Mode != panoply.EnforceCSP {
		return p, nil
	}
	p.CSP = p.CSP.Effective()
	file := p.File(p.CSP.File)
	learned, err := panoply.Load(file)
	if errors.Is(err, os.ErrNotExist) {
		return p, fault.List{{Path: "csp.file", Message: file + " does not exist", Hint: "csp: learn writes it; review it then"}}
	}
	if err != nil {
		return p, err // tells file, line and column itself
	}
	routes := learned.Headers.Routes
	if len(routes) == 0 {
		return p, fault.List{{Path: "csp.file", Message: file + " has no routes under headers", Hint: "csp: learn writes it; review it then"}}
	}
	for i := range routes {
		c := routes[i].ContentSecurityPolicy
		if c == nil || c.Off {
			return p, fault.List{{Path: "csp.file", Message: fmt.Sprintf("%s: headers.routes[%d] has no content_security_policy", file, i)}}
		}
		if _, given := c.Directives["report-uri"]; !given {
			if c.Directives == nil {
				c.Directives = map[string][]string{}
			}
			c.Directives["report-uri"] = []string{Path}
		}
	}
	p.Headers.Routes = append(routes[:len(routes):len(routes)], p.Headers.Routes...)
	return p, nil
}
