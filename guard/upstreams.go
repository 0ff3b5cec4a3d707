// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/upstream"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/internal/weak"
)

// checkUpstreams tells what is wrong with where the app is said to be.
func checkUpstreams(p panoply.Policy) (faults fault.List) {
	faults = upstream.Check(p)
	hold := func(path, server string) {
		e, err := upstream.ParseServer(server)
		if err != nil {
			return
		}
		for _, own := range ownAddresses(p) {
			if e.Unix != "" && own == "unix:"+e.Unix || e.Unix == "" && itself(e.URL, own) {
				faults.Add(path, "the guard would be its own upstream", "the address of the app, and another for listen")
				return
			}
		}
	}
	if p.Upstream != "" {
		hold("upstream", p.Upstream)
		return faults
	}
	for i, g := range p.Upstreams {
		for j, server := range g.Servers {
			hold(fmt.Sprintf("upstreams[%d].servers[%d]", i, j), server)
		}
	}
	return faults
}

// ownAddresses are where the guard itself listens.
func ownAddresses(p panoply.Policy) []string {
	own := slices.Clone(p.Listen)
	if p.TLS.Redirect != "" {
		own = append(own, p.TLS.Redirect)
	}
	if admin := cmp.Or(p.Admin.Listen, defaultAdmin); admin != "off" {
		own = append(own, admin)
	}
	return own
}

// itself reports whether the target is, or may be, where the guard listens: each
// request would come back until no socket is left.
func itself(target *url.URL, listen string) bool {
	host, port, err := net.SplitHostPort(listen)
	usual := map[string]string{"http": "80", "https": "443"}
	if err != nil || port == "0" || cmp.Or(target.Port(), usual[target.Scheme]) != port {
		return false
	}
	to := target.Hostname()
	at, _ := netip.ParseAddr(host) // the zero address for a name
	if host == "" || at.IsUnspecified() {
		return loopback(to) || ofThisMachine(to)
	}
	return strings.EqualFold(to, host) || loopback(to) && loopback(host) && (strings.EqualFold(to, "localhost") || strings.EqualFold(host, "localhost"))
}

// ofThisMachine reports whether an address is one of this machine's interfaces, or all.
func ofThisMachine(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return false
	}
	if ip.IsUnspecified() {
		return true
	}
	addrs, _ := net.InterfaceAddrs() // without them only loopback is known
	return slices.ContainsFunc(addrs, func(a net.Addr) bool {
		own, err := netip.ParsePrefix(a.String())
		return err == nil && own.Addr().Unmap() == ip.Unmap()
	})
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// secretHeader tells the app that a request came through the guard. The zero value tells
// nothing.
type secretHeader struct{ name, folded, value string }

// newSecretHeader reads the policy's secret from its environment variable.
func newSecretHeader(p panoply.Policy) (s secretHeader, err error) {
	var faults fault.List
	cfg := p.UpstreamSecret
	if cfg == (panoply.UpstreamSecret{}) {
		return s, nil
	}
	s.name = http.CanonicalHeaderKey(cmp.Or(cfg.Header, "X-Upstream-Secret"))
	s.folded = foldHeader(s.name)
	if !strings.HasPrefix(s.folded, "x-") || strings.HasPrefix(s.folded, "x-forwarded") || slices.Contains([]string{"x-real-ip", "x-request-id"}, s.folded) ||
		strings.Trim(s.folded, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || len(s.name) > 64 {
		faults.Add("upstream_secret.header", "it is no header's name, or means something already", "X-Upstream-Secret; letters, digits and dashes after X-")
	}
	switch value, set := os.LookupEnv(cfg.Env); {
	case cfg.Env == "":
		faults.Add("upstream_secret.env", "it is not said where the secret is", "upstream_secret: {env: UPSTREAM_SECRET}")
	case !set:
		faults.Addf("upstream_secret.env", weak.Hint, "the environment variable %s is not set", cfg.Env)
	case len(value) > 1024 || strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' }):
		faults.Addf("upstream_secret.env", weak.Hint, "%s is longer than 1024 bytes, or not printable ASCII without spaces", cfg.Env)
	default:
		faults.Join("upstream_secret.env", weak.Check([]byte(value)))
		s.value = value
	}
	return s, faults.Err()
}

// foldHeader is a header's name as those see it that make one of - and _.
func foldHeader(name string) string { return strings.ToLower(strings.ReplaceAll(name, "_", "-")) }

// set puts the secret on what goes to the app, in the place of what anybody else has sent
// under its name, or one that the app could take for it.
func (s secretHeader) set(h http.Header) {
	if s.value == "" {
		return
	}
	for name := range h {
		if len(name) == len(s.name) && foldHeader(name) == s.folded {
			delete(h, name)
		}
	}
	h[s.name] = []string{s.value}
}

// warnOfOtherWays logs servers of the app with public addresses: who finds one passes the
// guard by. Names are looked up once, for a moment.
func (g *Guard) warnOfOtherWays(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	for _, group := range g.policy.Groups() {
		for _, server := range group.Servers {
			e, err := upstream.ParseServer(server)
			if err != nil || e.Unix != "" || loopback(e.URL.Hostname()) {
				continue
			}
			ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", e.URL.Hostname())
			if err != nil {
				continue // requests will tell
			}
			for _, ip := range ips {
				if ip = ip.Unmap(); !ip.IsLoopback() && !ip.IsPrivate() && !ip.IsLinkLocalUnicast() && !ip.IsUnspecified() {
					g.log.LogAttrs(ctx, slog.LevelWarn, "the app has a public address, so clients may reach it past the guard",
						slog.String("server", server), slog.String("address", ip.String()),
						slog.String("hint", "have it listen on loopback or a private network, or ask for upstream_secret or the guard's certificate"))
					break
				}
			}
		}
	}
}

// servers are the app's, for the log.
func servers(p panoply.Policy) string {
	var all []string
	for _, group := range p.Groups() {
		all = append(all, group.Servers...)
	}
	return strings.Join(all, " ")
}
