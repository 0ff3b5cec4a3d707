// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/internal/fault"
)

// reloadPatience is how long a reload waits for the store of the new policy.
const reloadPatience = 5 * time.Second

// Reload puts another policy in the place of the one in force. It is compiled and tried
// like the first: with any fault nothing changes, and the error tells them all.
// Requests under way end by the policy that they began with, and none is dropped. What
// the rate limits have counted goes on where a rule counts alike, so do devices, re-issued
// tokens, what is learned, and what is known of the app's servers. A certificate is read anew. Where to listen, admin,
// proxy_protocol and the files' names of tls only a start can change.
func (g *Guard) Reload(ctx context.Context, policy panoply.Policy) error {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	err := g.reload(ctx, policy)
	g.metrics.reloaded(err)
	return err
}

func (g *Guard) reload(ctx context.Context, policy panoply.Policy) error {
	now := g.now()
	next, err := build(policy, g.log, g.times, wearSuit, now)
	if err != nil {
		return err
	}
	if err := next.startsLike(now); err != nil {
		next.retire(now)
		return policy.Explain(err)
	}
	cert, err := next.certificate()
	if err == nil {
		wait, cancel := context.WithTimeout(ctx, reloadPatience)
		err = next.openStore(wait)
		cancel()
	}
	if err != nil {
		next.retire(now)
		return err
	}
	next.suit.Limits().Adopt(now.suit.Limits())
	g.cert.Store(cert)
	next.proxy.upstreams.Start()
	g.current.Store(next)
	now.retire(next)
	g.log.LogAttrs(ctx, slog.LevelInfo, "another policy is in force")
	next.Announce(ctx, "as before")
	return nil
}

// now is the guard whose policy is in force: the first, or what was loaded last.
func (g *Guard) now() *Guard {
	if next := g.current.Load(); next != nil {
		return next
	}
	return g
}

// startsLike holds that nothing changes that only a start can.
func (g *Guard) startsLike(old *Guard) error {
	var faults fault.List
	changed := func(path string, changed bool) {
		if changed {
			faults.Add(path, "only a start can change it", "restart the guard")
		}
	}
	changed("listen", !slices.Equal(g.policy.Listen, old.policy.Listen))
	changed("admin", !reflect.DeepEqual(g.policy.Admin, old.policy.Admin))
	changed("tls", !reflect.DeepEqual(g.policy.TLS, old.policy.TLS))
	changed("proxy_protocol", !slices.Equal(g.policy.ProxyProtocol, old.policy.ProxyProtocol))
	return faults.Err()
}

// retire ends what only this guard has, and not the other. What still runs by it is not
// disturbed: its connections to the app end when they are idle.
func (g *Guard) retire(other *Guard) {
	g.proxy.upstreams.Retire(other.proxy.upstreams)
	if g.learner != other.learner {
		g.learner.Close()
	}
	if g.watcher != other.watcher {
		g.watcher.Close()
	}
	if g.store != nil {
		g.store.Close() // a decision that is asked for now is made as on_store_error says
	}
}

// certificate reads the policy's certificate, nil for none.
func (g *Guard) certificate() (*tls.Certificate, error) {
	if g.policy.TLS.Cert == "" {
		return nil, nil
	}
	cert, err := tls.LoadX509KeyPair(g.policy.File(g.policy.TLS.Cert), g.policy.File(g.policy.TLS.Key))
	if err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &cert, nil
}
