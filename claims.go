// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/token"
)

// claimHeaders are the headers in which an app finds claims of the token that was
// verified. Nobody else may send one, to any route, nor one that some app or proxy
// takes for it: X_User for X-User.
type claimHeaders map[string]bool // by folded name

// foldHeader is a header's name as those see it that make one of - and _.
func foldHeader(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "-")) }

// strip removes what the client has sent under such a name.
func (c claimHeaders) strip(h http.Header) {
	if len(c) == 0 {
		return
	}
	for name := range h {
		if c[foldHeader(name)] {
			delete(h, name)
		}
	}
}

// taken are headers that mean something already.
var taken = []string{"authorization", "connection", "content-encoding", "content-length", "content-type", "cookie", "expect", "forwarded", "host", "origin",
	"te", "trailer", "transfer-encoding", "upgrade", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "x-request-id"}

// compileClaims notes the headers of a rule, and what is wrong with them.
func (s *Suit) compileClaims(faults *fault.List, at string, r TokenRule) {
	if r.Reissue != nil && len(r.ClaimHeaders) > 0 {
		faults.Add(at+".claim_headers", "a rule that re-issues hands the app its own token", "read the claims there, or verify instead")
	}
	for _, name := range slices.Sorted(maps.Keys(r.ClaimHeaders)) {
		path := fmt.Sprintf("%s.claim_headers.%s", at, name)
		folded := foldHeader(name)
		switch {
		case strings.Trim(folded, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(name) > 64 || name == "":
			faults.Add(path, "a header's name is letters, digits and dashes", "X-User: sub")
		case slices.Contains(taken, folded) || slices.Contains(hopByHop, http.CanonicalHeaderKey(name)):
			faults.Add(path, "that header means something already", "X-User: sub")
		case r.ClaimHeaders[name] == "":
			faults.Add(path, "no claim is named", "X-User: sub")
		}
		if s.claimHeaders == nil {
			s.claimHeaders = claimHeaders{}
		}
		s.claimHeaders[folded] = true
	}
}

// tell gives the app the claims that the rule names.
func (r *TokenRule) tell(h http.Header, claims token.Claims) {
	for name, claim := range r.ClaimHeaders {
		if text, ok := claimText(claims[claim]); ok {
			h[http.CanonicalHeaderKey(name)] = []string{text}
		}
	}
}

// claimText is a claim as a header holds it: text, with what is no printable ASCII and
// the percent sign in percent-encoding; a number or a boolean as in JSON. A list, an
// object and null are in no header.
func claimText(v any) (string, bool) {
	switch v := v.(type) {
	case string:
		var b strings.Builder
		for i := range len(v) {
			if c := v[i]; c < ' ' || c > '~' || c == '%' || c == ' ' && (i == 0 || i == len(v)-1) {
				fmt.Fprintf(&b, "%%%02X", c)
			} else {
				b.WriteByte(c)
			}
		}
		return b.String(), b.Len() <= maxClaim
	case bool, float64, int64, fmt.Stringer:
		text := fmt.Sprint(v)
		return text, len(text) <= maxClaim
	}
	return "", false
}

// maxClaim is how long a claim in a header may be; a longer one is in none.
const maxClaim = 4 << 10
