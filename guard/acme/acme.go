// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package acme gets certificates from a certificate authority that speaks ACME, RFC 8555, such as
// Let's Encrypt, and renews them, by certmagic.
//
// # What it does
//
// It proves that the policy's domains are the guard's by TLS-ALPN-01 on the guard's own listener, and
// by HTTP-01 on the one that redirects, if the policy has one at the same host. Certificates, their keys and the
// account's are kept in a directory, readable by the guard's user alone. A third of its time
// before a certificate runs out it is renewed; while that fails, the one before
// is served, each failure is told in the log and counted, and it is tried again, ever less often.
// Naming domains agrees to the terms of the authority.
//
// # What it does not do
//
// No certificate is asked for because a client names a host: only the policy's domains have one, and
// all of them are asked for at the start. No wildcards, which need DNS-01. No external account
// binding. No OCSP, which the large authorities have ended.
//
// # Bounds
//
// 100 domains; a certificate, a key and some facts of each on disk, and those of domains that
// are no longer named until two weeks after they have run out. A challenge of a host that the policy does not
// name is not looked for.
package acme

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

// Protocol is what TLS-ALPN-01 has clients ask for; a listener must offer it.
const Protocol = "acme-tls/1"

const (
	maxDomains = 100
	maxRoots   = 1 << 20
	// loadPatience is for certificates on disk, which may be broken.
	loadPatience = 5 * time.Second
	// keep is how long certificates are kept that have run out.
	keep = 14 * 24 * time.Hour
)

// Check tells what is wrong with a policy's section, at its path.
func Check(a panoply.ACME, path string) (faults fault.List) {
	if n := len(a.Domains); n < 1 || n > maxDomains {
		faults.Addf(path+".domains", "domains: [shop.example]", "%d domains; there must be 1 to %d", n, maxDomains)
	}
	for i, d := range a.Domains {
		at := fmt.Sprintf("%s.domains[%d]", path, i)
		switch {
		case strings.HasPrefix(d, "*"):
			faults.Add(at, "a wildcard can only be proved by DNS-01, which there is not", "each name of its own")
		case !validDomain(d):
			faults.Addf(at, "shop.example, in small letters", "%q is no domain", d)
		case slices.Contains(a.Domains[:i], d):
			faults.Add(at, "the domain is there twice", "once")
		}
	}
	if a.CA != "" && !strings.HasPrefix(a.CA, "https://") {
		faults.Add(path+".ca", "it does not start with https://", "the URL of the authority's directory")
	}
	if a.Email != "" && (strings.Count(a.Email, "@") != 1 || strings.ContainsFunc(a.Email, func(c rune) bool { return c <= ' ' || c > '~' })) {
		faults.Add(path+".email", "it is no address", "ops@shop.example")
	}
	return faults
}

func validDomain(d string) bool {
	if len(d) > 253 || !strings.Contains(d, ".") || net.ParseIP(d) != nil {
		return false
	}
	for label := range strings.SplitSeq(d, ".") {
		if label == "" || len(label) > 63 || strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
	}
	return true
}

// Options are what a policy's section does not say.
type Options struct {
	Policy   panoply.Policy // for the places of files
	Listener net.Addr       // of TLS
	Redirect string         // where plain HTTP is answered, "" for nowhere
	Log      *slog.Logger
}

// Certificates are those of the policy's domains.
type Certificates struct {
	domains []string
	cache   *certmagic.Cache
	config  *certmagic.Config
	issuer  *certmagic.ACMEIssuer
	log     *slog.Logger
	stop    context.CancelFunc
	cleans  sync.WaitGroup

	obtained, failed atomic.Int64
}

// New prepares the certificates of a section that [Check] finds nothing wrong with. Those that are
// on disk are served as soon as Start has returned.
func New(a panoply.ACME, o Options) (*Certificates, error) {
	tcp, ok := o.Listener.(*net.TCPAddr)
	if !ok {
		return nil, errors.New("tls.acme: a Unix socket has no port that an authority could reach")
	}
	dir := o.Policy.File(a.Storage)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("tls.acme.storage: %w", err)
	}
	if f, err := os.CreateTemp(dir, ".try-*"); err != nil {
		return nil, fmt.Errorf("tls.acme.storage: %w", err)
	} else {
		f.Close()
		os.Remove(f.Name())
	}
	roots, err := readRoots(o.Policy.File(a.Roots))
	if err != nil {
		return nil, fmt.Errorf("tls.acme.roots: %w", err)
	}
	host := tcp.IP.String()
	if tcp.IP.IsUnspecified() {
		host = ""
	}
	httpPort, solvesHTTP := redirectPort(o.Redirect, host)
	log := zap.New(core{log: o.Log})
	c := &Certificates{domains: a.Domains, log: o.Log}
	c.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return c.config, nil },
		Capacity:         4 * maxDomains, // never full, which would have it look on disk for any name
		Logger:           log,
	})
	c.config = certmagic.New(c.cache, certmagic.Config{
		Storage:           &certmagic.FileStorage{Path: dir},
		DefaultServerName: a.Domains[0], // of clients that name none
		OCSP:              certmagic.OCSPConfig{DisableStapling: true},
		Logger:            log,
		OnEvent:           c.event,
		ShouldEmitFunc:    func(string) bool { return false }, // of handshakes
	})
	c.issuer = certmagic.NewACMEIssuer(c.config, certmagic.ACMEIssuer{
		CA: a.CA, Email: a.Email, Agreed: true, TrustedRoots: roots, Logger: log,
		DisableHTTPChallenge: !solvesHTTP,
		ListenHost:           host, AltTLSALPNPort: tcp.Port, AltHTTPPort: httpPort, // where the guard itself listens
	})
	c.config.Issuers = []certmagic.Issuer{c.issuer}
	return c, nil
}

// redirectPort is the port at which HTTP-01 can be answered. The library looks at one host for both
// challenges.
func redirectPort(redirect, host string) (int, bool) {
	at, port, err := net.SplitHostPort(redirect)
	if err != nil {
		return 0, false
	}
	if ip := net.ParseIP(at); ip != nil && ip.IsUnspecified() {
		at = ""
	}
	n, err := strconv.Atoi(port)
	return n, err == nil && at == host
}

func readRoots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxRoots {
		return nil, fmt.Errorf("it has more than %d bytes", maxRoots)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New("there is no certificate in it")
	}
	return pool, nil
}

// Start loads the certificates that are on disk, and asks for others in the background, until Close.
// The listener must be there.
func (c *Certificates) Start() error {
	ctx, stop := context.WithCancel(context.Background())
	c.stop = stop
	if err := c.config.ManageAsync(ctx, c.domains); err != nil {
		return fmt.Errorf("tls.acme: %w", err)
	}
	c.loaded(ctx)
	c.cleans.Go(func() {
		day := time.NewTicker(24 * time.Hour)
		defer day.Stop()
		for {
			err := certmagic.CleanStorage(ctx, c.config.Storage, certmagic.CleanStorageOptions{Logger: c.config.Logger, Interval: 12 * time.Hour, ExpiredCerts: true, ExpiredCertGracePeriod: keep})
			if err != nil && ctx.Err() == nil {
				c.log.Warn("certificates that have run out were not removed", slog.Any("error", err))
			}
			select {
			case <-ctx.Done():
				return
			case <-day.C:
			}
		}
	})
	return nil
}

// loaded waits for the certificates that are on disk, which the library loads in the background.
func (c *Certificates) loaded(ctx context.Context) {
	began := time.Now()
	for _, d := range c.domains {
		if !c.config.Storage.Exists(ctx, certmagic.StorageKeys.SiteCert(c.issuer.IssuerKey(), d)) {
			continue
		}
		for len(c.cache.AllMatchingCertificates(d)) == 0 && time.Since(began) < loadPatience {
			time.Sleep(time.Millisecond)
		}
	}
}

// Close ends what runs in the background.
func (c *Certificates) Close() {
	if c.stop != nil {
		c.stop()
		c.cleans.Wait()
	}
	c.cache.Stop()
}

var errUnknown = errors.New("a challenge of a host that the policy does not name")

// Get is for tls.Config: the certificate for the name that a client asks for, or that of a challenge.
// The library would look on disk for the challenge of any name.
func (c *Certificates) Get(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	if slices.Contains(hello.SupportedProtos, Protocol) && !c.Known(hello.ServerName) {
		return nil, errUnknown
	}
	return c.config.GetCertificate(hello)
}

// Known reports whether a host is one of the policy's domains.
func (c *Certificates) Known(host string) bool {
	return slices.Contains(c.domains, strings.ToLower(strings.TrimSuffix(host, ".")))
}

// Challenge answers a request of HTTP-01, and reports whether it was one.
func (c *Certificates) Challenge(w http.ResponseWriter, r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return r.Method == http.MethodGet && c.Known(host) && c.issuer.HandleHTTPChallenge(w, r)
}

// event counts and tells what has become of a certificate.
func (c *Certificates) event(ctx context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	switch event {
	case "cert_obtained":
		c.obtained.Add(1)
		c.log.Info("a certificate was obtained", slog.String("domain", name))
	case "cert_failed":
		if ctx.Err() != nil { // the guard stops
			return nil
		}
		c.failed.Add(1)
		c.log.Error("a certificate was not obtained; one before stays in force, and it is tried again", slog.String("domain", name), slog.Any("cause", data["error"]))
	}
	return nil
}

// Stats are of the certificates since the start.
type Stats struct {
	Obtained, Failed int64
	// Expires is when the certificates of the domains run out; a domain without one is missing.
	Expires map[string]time.Time
}

// Stats tells how the certificates are.
func (c *Certificates) Stats() Stats {
	s := Stats{Obtained: c.obtained.Load(), Failed: c.failed.Load(), Expires: map[string]time.Time{}}
	for _, d := range c.domains {
		for _, cert := range c.cache.AllMatchingCertificates(d) {
			if cert.Leaf != nil && cert.Leaf.NotAfter.After(s.Expires[d]) {
				s.Expires[d] = cert.Leaf.NotAfter
			}
		}
	}
	return s
}
