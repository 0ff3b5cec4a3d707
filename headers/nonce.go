// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package headers

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/panoply-security/panoply/internal/csp"
	"github.com/panoply-security/panoply/internal/fault"
)

type nonceKey struct{}

// nonced is what a request has that has a nonce.
type nonced struct {
	nonce string
	keeps bool // the app's own policy stays
}

// Nonce is the nonce of the answer to the request with this context, for
// <script nonce="…">: 128 random bits, new for each request; "" where its policy
// has no nonces. A page that carries one must not be cached.
func Nonce(ctx context.Context) string {
	n, _ := ctx.Value(nonceKey{}).(nonced)
	return n.nonce
}

// NonceBeside is Nonce for an answer with these headers of the app: "" where the app
// sends a policy of its own that stays.
func NonceBeside(ctx context.Context, own http.Header) string {
	n, _ := ctx.Value(nonceKey{}).(nonced)
	if n.keeps && len(own["Content-Security-Policy"]) > 0 {
		return ""
	}
	return n.nonce
}

// Begin gives the request its nonce, if the policy of the routes that it met has
// nonces. Handler does it by itself.
func (t *Headers) Begin(r *http.Request, routes []int) (_ *http.Request, nonce string) {
	if !t.nonces || !t.noncesOn(routes) {
		return r, ""
	}
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the program instead
	nonce = base64.RawURLEncoding.EncodeToString(b[:])
	existing := t.existingOn(routes)
	return r.WithContext(context.WithValue(r.Context(), nonceKey{}, nonced{nonce, existing != Replace})), nonce
}

// checkNonces refuses nonces beside policies of the app's own: both would be in force,
// and a script carries one nonce.
func (t *Headers) checkNonces(faults *fault.List) {
	const message, hint = "with nonces, what the app sends cannot count as well", "existing: keep or replace"
	if t.cfg.Existing == Strengthen && t.lines.nonces() {
		faults.Add("existing", message, hint)
		return
	}
	for i := range t.overrides {
		if o := &t.overrides[i]; o.existing == Strengthen && o.lines.nonces() || o.existing == "" && t.cfg.Existing == Strengthen && o.lines.nonces() {
			faults.Add(fmt.Sprintf("routes[%d].existing", i), message, hint)
		}
	}
}

// noncesOn reports whether any header that these routes send has a nonce.
func (t *Headers) noncesOn(routes []int) bool {
	for i := range t.lines {
		if t.lineOn(i, routes).around != nil {
			return true
		}
	}
	return false
}

// nonceMark stands for the nonce while a policy is rendered. Build lets no
// control byte in, so that nothing else is taken for it.
const nonceMark = "\x00"

// nonceParts is a policy cut at its nonces.
type nonceParts struct{ plain, secure []string }

func (n *nonceParts) with(nonce string, tls bool) string {
	if tls {
		return strings.Join(n.secure, nonce)
	}
	return strings.Join(n.plain, nonce)
}

// aroundNonces cuts the policy, or returns nil where it has no nonces.
func (p CSP) aroundNonces(path string, built csp.Policy, faults *fault.List) *nonceParts {
	if len(p.Nonces) == 0 {
		return nil
	}
	marked := slices.Clone(built)
	for i, name := range p.Nonces {
		at := slices.IndexFunc(marked, func(d csp.Directive) bool { return d.Name == name })
		switch {
		case at < 0:
			faults.Addf(fmt.Sprintf("%s.nonces[%d]", path, i), "name a directive of the policy, as script-src", "the policy has no %q", name)
			continue
		case slices.Contains(p.Nonces[:i], name):
			faults.Addf(fmt.Sprintf("%s.nonces[%d]", path, i), "each directive once", "%q is there twice", name)
			continue
		}
		marked[at].Sources = append(slices.Clone(marked[at].Sources), "'nonce-"+nonceMark+"'")
	}
	return &nonceParts{
		plain:  strings.Split(marked.Without(csp.UpgradeInsecureRequests).String(), nonceMark),
		secure: strings.Split(marked.String(), nonceMark),
	}
}
