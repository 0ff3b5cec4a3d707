// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"context"
	"log/slog"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/panoply-security/panoply"
)

// Follow takes the policy that load gives, as [Guard.Reload] does, each time that somebody
// asks, and when the policy's file or one that it names has changed. It returns when ctx
// ends. A policy that does not hold is told in the log, and changes nothing.
//
// The files are looked at, not listened to: that is the same for a file written in place, one
// that is renamed over it, and a link that is turned to another directory, on every file
// system. A change counts once the files have rested between two looks, so that what an
// editor or a deployment has written in part is seldom read. With no file, or watch: false in
// the policy in force, only asking counts.
func (g *Guard) Follow(ctx context.Context, file string, load func() (panoply.Policy, error), asked <-chan os.Signal) {
	f := g.follower(file, load)
	tick := time.NewTicker(g.times.look)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			f.reload(ctx)
		case <-tick.C:
			f.look(ctx)
		}
	}
}

// follower knows what the files were like when they were read.
type follower struct {
	guard *Guard
	file  string
	load  func() (panoply.Policy, error)
	read  map[string]stamp // when the policy was read
	last  map[string]stamp // when they were looked at last
}

func (g *Guard) follower(file string, load func() (panoply.Policy, error)) *follower {
	f := &follower{guard: g, file: file, load: load}
	f.read = stamps(append(g.Policy().Files(), file))
	f.last = f.read
	return f
}

// look reloads when the files have changed, and not since the look before.
func (f *follower) look(ctx context.Context) {
	if f.file == "" || f.guard.Policy().NoWatch {
		return
	}
	now := stamps(slices.Collect(maps.Keys(f.read)))
	rested := maps.EqualFunc(now, f.last, stamp.same)
	f.last = now
	if rested && !maps.EqualFunc(now, f.read, stamp.same) {
		f.reload(ctx)
	}
}

// reload puts the policy of the files in force. What is watched from then on is what the
// policy in force names, and what a refused one does: there the fault may be.
func (f *follower) reload(ctx context.Context) {
	g := f.guard
	read := stamps([]string{f.file}) // before each is read, so that no change is missed
	policy, err := f.load()
	names := append(g.Policy().Files(), policy.Files()...)
	maps.Copy(read, stamps(names))
	if err == nil {
		err = g.Reload(ctx, policy)
	} else {
		g.metrics.reloaded(err)
	}
	f.read, f.last = read, read
	if err == nil {
		return
	}
	g.log.LogAttrs(ctx, slog.LevelError, "the policy was not reloaded, and the one before stays in force", slog.Any("error", err))
	g.renew(ctx)
}

// renew reads the certificate of the policy in force anew. A policy that somebody has
// broken must not let the certificate run out.
func (g *Guard) renew(ctx context.Context) {
	g.reloading.Lock()
	defer g.reloading.Unlock()
	cert, err := g.now().certificate()
	switch {
	case err != nil:
		g.log.LogAttrs(ctx, slog.LevelError, "the certificate was not read anew, and the one before stays in force", slog.Any("error", err))
	case cert != nil:
		g.cert.Store(cert)
	}
}

// stamp is what tells a file from what it was, without reading it. A file that is not
// there is nil.
type stamp struct{ os.FileInfo }

func (s stamp) same(other stamp) bool {
	if s.FileInfo == nil || other.FileInfo == nil {
		return s.FileInfo == other.FileInfo
	}
	return os.SameFile(s.FileInfo, other.FileInfo) && s.Size() == other.Size() && s.ModTime().Equal(other.ModTime())
}

// stamps looks at files, through links.
func stamps(names []string) map[string]stamp {
	all := make(map[string]stamp, len(names))
	for _, name := range names {
		if name == "" {
			continue
		}
		info, err := os.Stat(name)
		if err != nil {
			info = nil
		}
		all[name] = stamp{info}
	}
	return all
}
