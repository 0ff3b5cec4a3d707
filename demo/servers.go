// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/demo/policy"
	"github.com/panoply-security/panoply/demo/shop/hardened"
	"github.com/panoply-security/panoply/demo/shop/vulnerable"
	"github.com/panoply-security/panoply/guard"
)

// target is one of the three servers.
type target struct {
	name       string
	about      string
	url        string
	vulnerable bool
}

// servers are everything that the demo runs.
type servers struct {
	targets []target
	client  *http.Client   // trusts the demo's certificate
	pool    *x509.CertPool // which it is
	closers []func()
}

func (s *servers) stop() {
	for i := len(s.closers) - 1; i >= 0; i-- {
		s.closers[i]()
	}
}

func (s *servers) atEnd(f func()) { s.closers = append(s.closers, f) }

func startAll(ctx context.Context, o options) (_ *servers, err error) {
	s := &servers{}
	defer func() {
		if err != nil {
			s.stop()
		}
	}()
	dir, err := os.MkdirTemp("", "panoply-demo-")
	if err != nil {
		return nil, err
	}
	s.atEnd(func() { os.RemoveAll(dir) })
	cert, err := makeCertificate(dir)
	if err != nil {
		return nil, err
	}
	s.client, s.pool = trusting(cert), cert.pool

	database, err := s.connect(ctx, o.mongo)
	if err != nil {
		return nil, err
	}
	log := slog.New(slog.DiscardHandler)
	if o.log {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	app, err := s.vulnerable(database("vulnerable"), dir)
	if err != nil {
		return nil, err
	}
	if err := s.guarded(ctx, app, dir, o.policy, cert, log); err != nil {
		return nil, err
	}
	return s, s.hardened(database("hardened"), dir, cert, log)
}

// trusting is a client that trusts the demo's certificate and no other.
func trusting(cert certificate) *http.Client {
	return &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: cert.pool, MinVersion: tls.VersionTLS12}}}
}

// connect starts the embedded database, unless another is given.
func (s *servers) connect(ctx context.Context, uri string) (func(name string) *mongo.Database, error) {
	if uri == "" {
		d, err := db.Start(ctx)
		if err != nil {
			return nil, err
		}
		s.atEnd(func() { d.Close() })
		uri = d.URI()
	}
	client, err := db.Connect(ctx, uri)
	if err != nil {
		return nil, err
	}
	s.atEnd(func() { client.Disconnect(context.Background()) })
	// Databases of this run alone: a real server may be shared.
	run := fmt.Sprintf("panoply_demo_%d_", time.Now().UnixNano())
	return func(name string) *mongo.Database {
		d := client.Database(run + name)
		s.atEnd(func() { d.Drop(context.Background()) })
		return d
	}, nil
}

func (s *servers) vulnerable(database *mongo.Database, dir string) (url string, err error) {
	uploads := filepath.Join(dir, "uploads-vulnerable")
	if err := os.Mkdir(uploads, 0o700); err != nil {
		return "", err
	}
	app, err := vulnerable.New(vulnerable.Options{Database: database, UploadDir: uploads})
	if err != nil {
		return "", err
	}
	url, err = s.serve(app, nil)
	s.targets = append(s.targets, target{"vulnerable", "the article's code", url, true})
	return url, err
}

// guarded puts the guard in front of the vulnerable app, over TLS.
func (s *servers) guarded(ctx context.Context, app, dir, file string, cert certificate, log *slog.Logger) error {
	about := "the same process behind the guard"
	if file == "" {
		var err error
		if file, err = policy.Write(filepath.Join(dir, "policy")); err != nil {
			return err
		}
	} else {
		about += " with " + file
	}
	if os.Getenv("PANOPLY_TOKEN_KEY") == "" {
		// The policy names it; a real guard is given one that stays.
		os.Setenv("PANOPLY_TOKEN_KEY", rand.Text()+rand.Text())
	}
	p, err := panoply.Load(file)
	if err != nil {
		return err
	}
	p.Upstream, p.Listen, p.Admin.Listen = app, []string{"127.0.0.1:0"}, "off"
	p.TLS = panoply.TLS{Cert: cert.certFile, Key: cert.keyFile}
	g, err := guard.New(p, log)
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ready, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- g.Run(running, func(url string) { ready <- url }) }()
	select {
	case url := <-ready:
		s.atEnd(func() { stop(); <-ended })
		s.targets = append(s.targets, target{name: "guarded", about: about, url: url})
		return nil
	case err := <-ended:
		stop()
		return err
	}
}

func (s *servers) hardened(database *mongo.Database, dir string, cert certificate, log *slog.Logger) error {
	app, err := hardened.New(hardened.Options{Database: database, UploadDir: filepath.Join(dir, "uploads-hardened"), Logger: log})
	if err != nil {
		return err
	}
	url, err := s.serve(app, &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{cert.pair}})
	s.targets = append(s.targets, target{name: "hardened", about: "written with the library", url: url})
	return err
}

// serve serves an app on a free loopback port.
func (s *servers) serve(app http.Handler, config *tls.Config) (url string, err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	url = "http://" + listener.Addr().String()
	if config != nil {
		url = "https://" + listener.Addr().String()
		listener = tls.NewListener(listener, config)
	}
	server := &http.Server{Handler: app, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			slog.Error("demo server ended", "cause", err)
		}
	}()
	s.atEnd(func() { server.Close() })
	return url, nil
}

// certificate is a key pair of this run for 127.0.0.1.
type certificate struct {
	certFile, keyFile string
	pair              tls.Certificate
	pool              *x509.CertPool
}
