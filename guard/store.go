// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/guard/learn"
	"github.com/panoply-security/panoply/guard/openapi"
	"github.com/panoply-security/panoply/internal/fault"
	"github.com/panoply-security/panoply/redisstore"
)

// storePatience is how long the guard waits for its store before it serves.
const storePatience = 2 * time.Second

// withStore gives a policy the store that it names, nil when that is memory. It
// does not connect. A bad one is told of here; the rest of the policy is then
// checked as if it were right.
func withStore(p *panoply.Policy) (*redisstore.Client, error) {
	limits := &p.RateLimits.Config
	if limits.Shared != nil || !strings.HasPrefix(limits.Store, "redis://") && !strings.HasPrefix(limits.Store, "rediss://") {
		return nil, nil
	}
	client, err := redisstore.New(redisstore.Config{URL: limits.Store, PasswordEnv: limits.StorePasswordEnv})
	if err != nil {
		var faults fault.List
		faults.Join("rate_limits", err)
		limits.Store, limits.Shared = "redis://localhost", new(redisstore.Client).Limits()
		return nil, faults.Err()
	}
	limits.Shared = client.Limits()
	if p.Tokens.Revocations == nil {
		p.Tokens.Revocations = client.Revocations()
	}
	return client, nil
}

// Check reads a policy file and compiles it as the guard would, so that every
// fault is told. It connects to nothing. The policy is the file's, without
// defaults.
func Check(file string) (p panoply.Policy, suit *panoply.Suit, err error) {
	if p, err = panoply.Load(file); err != nil {
		return p, nil, err
	}
	var faults fault.List
	if p.Upstream != "" || len(p.Upstreams) > 0 { // else the command line names one
		faults = checkUpstreams(p)
	}
	_, storing := withStore(&p)
	applied, described := openapi.Apply(p)
	applied, learned := learn.Apply(applied)
	suit, own := panoply.New(applied)
	if err := errors.Join(own, described, learned, storing, faults.Err()); err != nil {
		return p, nil, p.Explain(err)
	}
	return applied, suit, nil
}

// openStore connects. Without the store the guard serves nevertheless, as
// on_store_error says; a store that does not let it in is a fault.
func (g *Guard) openStore(ctx context.Context) error {
	if g.store == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, storePatience)
	defer cancel()
	limits := g.policy.RateLimits
	err := g.store.Ping(ctx)
	switch {
	case err == nil:
		g.log.Info("rate limits are shared", slog.String("store", limits.Store))
	case redisstore.Refused(err):
		return fmt.Errorf("rate_limits.store: %w", err)
	default:
		g.log.Error("the store of the rate limits cannot be reached", slog.String("store", limits.Store),
			slog.String("on_store_error", limits.OnStoreError), slog.String("cause", err.Error()))
	}
	return nil
}
