// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package upstream

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/route"
)

// The bounds of a policy.
const (
	maxGroups   = 64
	maxServers  = 64 // of one group
	maxHosts    = 256
	maxPatterns = 256
	maxPEM      = 1 << 20
	// maxUnixPath is what the smallest of the systems that Go runs on has room for.
	maxUnixPath = 103
)

// Endpoint is where one server is, and how to speak with it.
type Endpoint struct {
	URL   *url.URL
	Unix  string // the path of its Unix socket, instead of the URL's host
	HTTP2 bool
	TLS   *tls.Config // of https
}

// ParseServer reads where a server is: http://host:port, https://host:port or
// unix:/run/app.sock.
func ParseServer(s string) (Endpoint, error) {
	if path, ok := strings.CutPrefix(s, "unix:"); ok {
		if !filepath.IsAbs(path) || len(path) > maxUnixPath {
			return Endpoint{}, fmt.Errorf("a Unix socket has an absolute path of at most %d bytes", maxUnixPath)
		}
		return Endpoint{URL: &url.URL{Scheme: "http", Host: "localhost"}, Unix: path}, nil
	}
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return Endpoint{}, fmt.Errorf("%q is not a URL", s)
	case u.Scheme != "http" && u.Scheme != "https":
		return Endpoint{}, fmt.Errorf("%q does not start with http:// or https://", s)
	case u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != "":
		return Endpoint{}, fmt.Errorf("%q is more or less than scheme://host:port", s)
	}
	return Endpoint{URL: &url.URL{Scheme: u.Scheme, Host: u.Host}}, nil
}

const serverHint = "write http://127.0.0.1:3000"

// Check tells what is wrong with a policy's upstreams, without the files that they name.
func Check(p panoply.Policy) (faults fault.List) {
	switch {
	case p.Upstream == "" && len(p.Upstreams) == 0:
		faults.Add("upstream", "no upstream is given", serverHint)
	case p.Upstream != "":
		if len(p.Upstreams) > 0 {
			faults.Add("upstreams", "upstream is given too", "one of the two")
		}
		if _, err := ParseServer(p.Upstream); err != nil {
			faults.Add("upstream", err.Error(), serverHint)
		}
		return faults
	case len(p.Upstreams) > maxGroups:
		faults.Addf("upstreams", "fewer", "%d groups; the most is %d", len(p.Upstreams), maxGroups)
		return faults
	}
	all := -1 // the group that takes what is left
	for i, g := range p.Groups() {
		at := fmt.Sprintf("upstreams[%d]", i)
		faults = append(faults, checkGroup(at, g)...)
		if all >= 0 {
			faults.Addf(at, "the groups with hosts or match first", "no request comes here, as upstreams[%d] takes all", all)
		} else if len(g.Hosts) == 0 && len(g.Match) == 0 {
			all = i
		}
	}
	return faults
}

func checkGroup(at string, g panoply.UpstreamGroup) (faults fault.List) {
	if n := len(g.Servers); n < 1 || n > maxServers {
		faults.Addf(at+".servers", "servers: [http://127.0.0.1:3000]", "%d servers; there must be 1 to %d", n, maxServers)
	}
	encrypted := false
	for i, s := range g.Servers {
		path := fmt.Sprintf("%s.servers[%d]", at, i)
		e, err := ParseServer(s)
		if err != nil {
			faults.Add(path, err.Error(), serverHint)
			continue
		}
		encrypted = encrypted || e.URL.Scheme == "https"
		if slices.Contains(g.Servers[:i], s) {
			faults.Add(path, "the server is there twice", "once")
		}
	}
	if len(g.Hosts) > maxHosts || len(g.Match) > maxPatterns {
		faults.Addf(at, "fewer", "more than %d hosts or %d patterns", maxHosts, maxPatterns)
	}
	for i, h := range g.Hosts {
		if !validHost(h) {
			faults.Addf(fmt.Sprintf("%s.hosts[%d]", at, i), "shop.example, *.shop.example or 192.0.2.1, without a port", "%q is no host", h)
		}
	}
	for i, m := range g.Match {
		if _, err := route.Compile(m); err != nil {
			faults.Add(fmt.Sprintf("%s.match[%d]", at, i), err.Error(), "/api/ for a subtree, POST /orders, /users/{id}")
		}
	}
	if !slices.Contains(g.Balance.Values(), string(g.Balance)) {
		faults.Addf(at+".balance", "write round_robin or least_connections", "%q is no way to choose", string(g.Balance))
	}
	between := func(name string, n, least, most int) {
		if n < least || n > most {
			faults.Addf(at+"."+name, fmt.Sprintf("%d to %d", least, most), "%d is out of range", n)
		}
	}
	between("max_requests", g.MaxRequests, 1, 1_000_000)
	between("max_queue", g.MaxQueue, 1, 1_000_000)
	switch h := g.Health; {
	case h.Path == "" && h != (panoply.Health{}):
		faults.Add(at+".health.path", "it is not said what to ask for", "health: {path: /healthz}")
	case h.Path != "":
		if u, err := url.ParseRequestURI(h.Path); h.Path[0] != '/' || err != nil || u.Host != "" {
			faults.Addf(at+".health.path", "/healthz", "%q is no path", h.Path)
		}
		if h.Interval < 100*time.Millisecond || h.Interval > time.Hour {
			faults.Add(at+".health.interval", "it is out of range", "100ms to 1h")
		}
		if h.Timeout < 10*time.Millisecond || h.Timeout > time.Minute {
			faults.Add(at+".health.timeout", "it is out of range", "10ms to 1m")
		}
		between("health.healthy", h.Healthy, 1, 100)
		between("health.unhealthy", h.Unhealthy, 1, 100)
	}
	if t := g.TLS; t != (panoply.UpstreamTLS{}) {
		if !encrypted {
			faults.Add(at+".tls", "no server of the group is https://", "leave it out")
		}
		if (t.Cert == "") != (t.Key == "") {
			faults.Add(at+".tls", "cert and key belong together", "name both PEM files")
		}
	}
	return faults
}

// validHost reports whether a group can be for a name: one of letters, digits, dashes and
// dots, after *. for all below it, or an IP address.
func validHost(h string) bool {
	name := strings.TrimPrefix(h, "*.")
	if strings.HasPrefix(name, "[") {
		name = strings.TrimSuffix(strings.TrimPrefix(name, "["), "]")
		return name != "" && strings.Trim(name, "0123456789abcdefABCDEF:.") == ""
	}
	return name != "" && len(name) <= 253 && strings.Trim(name, ".") == name &&
		strings.Trim(strings.ToLower(name), "abcdefghijklmnopqrstuvwxyz0123456789-._") == ""
}

// loadTLS reads the files of a group, and what they held.
func loadTLS(p panoply.Policy, t panoply.UpstreamTLS) (c *tls.Config, sum [sha256.Size]byte, err error) {
	c = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: t.ServerName}
	h := sha256.New()
	read := func(name string) []byte {
		if name == "" || err != nil {
			return nil
		}
		var b []byte
		if b, err = readPEM(p.File(name)); err == nil {
			h.Write(b)
			h.Write([]byte{0})
		}
		return b
	}
	ca, cert, key := read(t.CA), read(t.Cert), read(t.Key)
	if err != nil {
		return nil, sum, err
	}
	if ca != nil {
		if c.RootCAs = x509.NewCertPool(); !c.RootCAs.AppendCertsFromPEM(ca) {
			return nil, sum, errors.New("there is no certificate in the file of ca")
		}
	}
	if cert != nil && key != nil {
		pair, err := tls.X509KeyPair(cert, key)
		if err != nil {
			return nil, sum, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, [sha256.Size]byte(h.Sum(nil)), nil
}

func readPEM(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxPEM {
		return nil, fmt.Errorf("%s has more than %d bytes", filepath.Base(file), maxPEM)
	}
	return os.ReadFile(file)
}
