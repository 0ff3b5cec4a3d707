// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package learn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

// Apply readies a policy for a guard that learns, and adds what was learned and
// reviewed where it says csp: enforce: the routes of the file, before the policy's own, each of which reports
// to [Path]. The policy that comes with an error is fit for [panoply.New] all the same.
func Apply(p panoply.Policy) (panoply.Policy, error) {
	p.CSP.Guarded = true
	p.CSP = p.CSP.Effective()
	file := p.File(p.CSP.File)
	switch p.CSP.Mode {
	case panoply.EnforceCSP:
	case panoply.Learn:
		return p, writable(file)
	default:
		return p, nil
	}
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
	if !only(learned) {
		return p, fault.List{{Path: "csp.file", Message: file + " says more than headers.routes", Hint: "the rest belongs into the policy itself; it would not count here"}}
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

// only reports whether a policy says nothing but headers.routes.
func only(p panoply.Policy) bool {
	p.Headers.Routes = nil
	text, err := p.YAML()
	nothing, e := panoply.Policy{}.YAML()
	return err == nil && e == nil && bytes.Equal(text, nothing)
}

// writable reports why a learner must not write a file: it would take the place of
// something else, or cannot.
func writable(file string) error {
	switch dir, err := os.Stat(filepath.Dir(file)); {
	case err != nil:
		return fault.List{{Path: "csp.file", Message: "the directory of " + file + " cannot be found", Hint: "the proposal is written there"}}
	case !dir.IsDir():
		return fault.List{{Path: "csp.file", Message: filepath.Dir(file) + " is no directory"}}
	}
	f, err := os.Open(file)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	begins := make([]byte, len(firstLine))
	if err == nil {
		defer f.Close()
		var n int
		n, err = io.ReadFull(f, begins)
		begins = begins[:n]
	}
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return fault.List{{Path: "csp.file", Message: file + " cannot be read: " + err.Error()}}
	}
	if len(begins) > 0 && string(begins) != firstLine {
		return fault.List{{Path: "csp.file", Message: file + " is there, and is none that csp: learn has written", Hint: "name a file of its own: it is written anew"}}
	}
	return nil
}
