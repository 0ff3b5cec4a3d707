// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// contender is a server that the guard is set beside.
type contender struct {
	name string
	// start starts it before the app, or says why it cannot be had.
	start func(ctx context.Context, dir, upstream string) (*running, error)
	// refuses is a request that it must refuse: a peer that looks at nothing would win.
	refuses *work
	// fewer divides how many requests it gets: with them all, the slow would take minutes.
	fewer int
}

// running is a peer that has started.
type running struct {
	target
	pid  int
	what string // which version, with what
	stop func()
}

// misfit is an order that the schema does not allow; injection, one that the rules of
// ModSecurity know, for they know no schema.
var (
	misfit    = work{"misfit", "POST", "/items", strings.Replace(order, `"quantity":1,`, `"quantity":0,`, 1), "application/json"}
	injection = work{"injection", "POST", "/items", strings.Replace(order, "item-0037", "1' OR 1=1 UNION SELECT password FROM users--", 1), "application/json"}
)

var peers = []contender{
	{name: "tuned ReverseProxy", start: roleOf("bare", "httputil.ReverseProxy with a pool of connections and of buffers: what the ratios are to")},
	{name: "stock ReverseProxy", start: roleOf("stock", "httputil.ReverseProxy with http.DefaultTransport")},
	{name: "Panoply, all seven on", start: roleOf("gateway", "the whole gateway with its own listener, deadlines and bounds"), refuses: &misfit},
	{name: "panoply guard, all seven on", start: startPanoply, refuses: &misfit},
	{name: "Caddy", start: startCaddy},
	{name: "nginx", start: startNginx},
	{name: "nginx + ModSecurity + CRS", start: startModSecurity, refuses: &injection, fewer: 10},
	{name: "Express 5 alone (app, no proxy)", start: express("alone", "an app, no proxy: nothing is forwarded")},
	{name: "Express 5 + middleware (app, no proxy)", start: express("suit", "an app, no proxy; helmet, express-rate-limit, what express-mongo-sanitize does, zod"), refuses: &misfit},
}

// The places in peers of what the targets are about. CPU is that of the role gateway, in
// this program as the bare one is; memory that of the program which is shipped.
const peerBare, peerGuard, peerProgram, peerCaddy = 0, 2, 3, 4

// outcome is what was measured of one peer; without rounds, why it was not.
type outcome struct {
	name, what string
	why        error
	works      []figures // as works are
	idle, most int64     // bytes
}

// figures are those of one kind of request, round by round.
type figures struct {
	cpu, p50, p99 []time.Duration
	rate          []float64
}

func benchPeers(ctx context.Context, rounds, requests int, write string) error {
	dir, err := os.MkdirTemp("", "panoply-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	app, err := start(ctx, "app", "")
	if err != nil {
		return err
	}
	defer app.stop()

	outcomes := make([]outcome, len(peers))
	started := make([]*running, len(peers))
	for i, peer := range peers {
		outcomes[i] = outcome{name: peer.name, works: make([]figures, len(works))}
		own := filepath.Join(dir, fmt.Sprint(i))
		if err := os.Mkdir(own, 0o755); err != nil {
			return err
		}
		p, err := peer.start(ctx, own, app.url)
		if err != nil {
			outcomes[i].why = err
			fmt.Fprintf(os.Stderr, "\n*** NOT RUN: %s: %v ***\n\n", peer.name, err)
			continue
		}
		defer p.stop()
		if outcomes[i].idle, _, err = memoryOf(p.pid); err != nil {
			return fmt.Errorf("%s: %w", peer.name, err)
		}
		if err := peer.check(ctx, p); err != nil {
			return fmt.Errorf("%s: %w", peer.name, err)
		}
		started[i], outcomes[i].what = p, p.what
	}
	for n, w := range works {
		for round := range rounds + 1 {
			for turn := range peers {
				i := (round + turn) % len(peers) // nobody comes after the same one always
				if started[i] == nil {
					continue
				}
				if err := started[i].measure(ctx, w, max(concurrency, requests/max(1, peers[i].fewer)), &outcomes[i].works[n], round > 0); err != nil {
					return fmt.Errorf("%s: %w", peers[i].name, err)
				}
			}
		}
	}
	for i, p := range started {
		if p == nil {
			continue
		}
		if _, outcomes[i].most, err = memoryOf(p.pid); err != nil {
			return fmt.Errorf("%s: %w", peers[i].name, err)
		}
	}
	return report(outcomes, rounds, requests, write)
}

// check sees that the peer answers what fits, and refuses what it must.
func (peer contender) check(ctx context.Context, p *running) error {
	for _, w := range works {
		if err := p.send(ctx, w); err != nil {
			return err
		}
	}
	if peer.refuses == nil {
		return nil
	}
	status, err := p.request(ctx, *peer.refuses)
	if err == nil && (status < 400 || status > 499) {
		err = fmt.Errorf("takes the %s: %d", peer.refuses.name, status)
	}
	return err
}

// measure is one turn of one peer. The first only warms up.
func (p *running) measure(ctx context.Context, w work, requests int, into *figures, keep bool) error {
	before, err := cpuOf(p.pid)
	if err != nil {
		return err
	}
	each, took, err := p.flood(ctx, w, requests)
	if err != nil {
		return err
	}
	after, err := cpuOf(p.pid)
	if err != nil || !keep {
		return err
	}
	into.cpu = append(into.cpu, (after-before)/time.Duration(requests))
	into.rate = append(into.rate, float64(requests)/took.Seconds())
	into.p50 = append(into.p50, percentile(each, 50))
	into.p99 = append(into.p99, percentile(each, 99))
	return nil
}

// roleOf is this program again, as a peer.
func roleOf(role, what string) func(context.Context, string, string) (*running, error) {
	return func(ctx context.Context, _, upstream string) (*running, error) {
		p, err := start(ctx, role, upstream)
		if err != nil {
			return nil, err
		}
		return &running{p.target, p.cmd.Process.Pid, what + "; " + runtime.Version(), p.stop}, nil
	}
}
