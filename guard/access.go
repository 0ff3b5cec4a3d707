// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"net"
	"net/http"
	"net/http/pprof"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

// minToken is how long the admin listener's token must be.
const minToken = 32

// checkAdmin holds that whoever opens the admin listener to others says to whom.
func checkAdmin(p panoply.Policy) (faults fault.List) {
	a := p.Admin
	addr := cmp.Or(a.Listen, defaultAdmin)
	if addr == "off" {
		return nil
	}
	host, port, err := net.SplitHostPort(addr)
	if _, unix := unixPath(addr); err != nil || unix {
		faults.Addf("admin", "write host:port such as 127.0.0.1:9901, or off", "%q is not an address", addr)
		return faults
	}
	if slices.Contains(p.Listen, addr) && port != "0" {
		faults.Add("admin", "the app's clients would reach it: the guard listens there itself", "another port, such as "+defaultAdmin)
	}
	if !loopback(host) {
		switch {
		case a.TokenEnv == "":
			faults.Addf("admin", "admin: {listen: …, token_env: PANOPLY_ADMIN_TOKEN, hosts: […]}, or a loopback address such as 127.0.0.1:9901", "%q is not a loopback address, and no token is asked for", addr)
		case len(a.Hosts) == 0:
			faults.Add("admin.hosts", "nobody could ask it: it answers to loopback's names alone", "the host name or address by which you ask it")
		}
	}
	if a.TokenEnv != "" {
		if n := len(os.Getenv(a.TokenEnv)); n < minToken {
			faults.Addf("admin.token_env", "export "+a.TokenEnv+"=$(openssl rand -base64 48)", "the variable %s has %d bytes, and at least %d are needed", a.TokenEnv, n, minToken)
		}
	}
	return faults
}

// access lets those in who may ask the admin listener.
type access struct {
	hosts []string
	token [sha256.Size]byte // zero without one
	asks  bool              // for the token
}

func newAccess(a panoply.AdminSection) access {
	return access{hosts: a.Hosts, token: sha256.Sum256([]byte(os.Getenv(a.TokenEnv))), asks: a.TokenEnv != ""}
}

// admits answers those whom it does not let in.
func (a *access) admits(w http.ResponseWriter, r *http.Request) bool {
	host := hostname(r.Host)
	if !loopback(host) && !slices.ContainsFunc(a.hosts, func(h string) bool { return strings.EqualFold(h, host) }) {
		http.Error(w, "this address is for the operator of this machine", http.StatusForbidden)
		return false
	}
	if !a.asks || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" { // which say no more than that
		return true
	}
	given, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		_, given, _ = r.BasicAuth()
	}
	sum := sha256.Sum256([]byte(given))
	if subtle.ConstantTimeCompare(sum[:], a.token[:]) == 1 {
		return true
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="Panoply guard", charset="UTF-8"`)
	http.Error(w, "the admin token is needed", http.StatusUnauthorized)
	return false
}

// hostname takes the port and the brackets off a Host header.
func hostname(host string) string {
	if h, _, err := net.SplitHostPort(host); err == nil {
		return h
	}
	return strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
}

// longestProfile is for how long a profile may be taken.
const longestProfile = time.Minute

// profiles serves Go's profiles, which take longer than other answers.
func profiles(mux *http.ServeMux) {
	slow := func(h http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			http.NewResponseController(w).SetWriteDeadline(time.Now().Add(longestProfile + 5*time.Second))
			h(w, r)
		}
	}
	mux.HandleFunc("GET /debug/pprof/", slow(pprof.Index))
	mux.HandleFunc("GET /debug/pprof/profile", slow(pprof.Profile))
	mux.HandleFunc("GET /debug/pprof/trace", slow(pprof.Trace))
	mux.HandleFunc("GET /debug/pprof/symbol", slow(pprof.Symbol))
}
