// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/redisstore/redistest"
	"github.com/panoply-security/panoply/session"
	"github.com/panoply-security/panoply/session/sessiontest"
	"github.com/panoply-security/panoply/token"
	"github.com/panoply-security/panoply/token/tokentest"
)

// moved is a clock ahead of ours by what a test lets pass.
func moved(shift *atomic.Int64) (now func() time.Time, pass func(time.Duration)) {
	return func() time.Time { return time.Now().Add(time.Duration(shift.Load()) * time.Microsecond) },
		func(d time.Duration) { shift.Add(int64(d / time.Microsecond)) }
}

// onServers runs a test on one server and on a cluster of three.
func onServers(t *testing.T, test func(t *testing.T, url string, empty func())) {
	t.Run("server", func(t *testing.T) {
		s := redistest.Start(t)
		test(t, "redis://"+s.Addr, func() { s.Do(t, "FLUSHALL") })
	})
	t.Run("cluster", func(t *testing.T) {
		nodes := cluster(t)
		test(t, "redis://"+nodes[0].Addr, func() {
			for _, s := range nodes {
				s.Do(t, "FLUSHALL")
			}
		})
	})
}

func TestSessions(t *testing.T) {
	onServers(t, func(t *testing.T, url string, empty func()) {
		client := open(t, Config{URL: url})
		sessiontest.Run(t, func(t *testing.T, test sessiontest.Test) {
			empty()
			s := client.Sessions()
			now, pass := moved(&s.shift)
			test(t, s, sessiontest.Clock{Now: now, Pass: pass})
		})
	})
}

func TestFamilies(t *testing.T) {
	onServers(t, func(t *testing.T, url string, empty func()) {
		client := open(t, Config{URL: url})
		tokentest.Families(t, func(t *testing.T, test tokentest.FamiliesTest) {
			empty()
			s := client.Families()
			now, pass := moved(&s.shift)
			test(t, s, tokentest.Clock{Now: now, Pass: pass})
		})
	})
}

func TestRevocations(t *testing.T) {
	onServers(t, func(t *testing.T, url string, empty func()) {
		client := open(t, Config{URL: url})
		tokentest.Revocations(t, func(t *testing.T, test tokentest.RevocationsTest) {
			empty()
			s := client.Revocations()
			now, pass := moved(&s.shift)
			test(t, s, tokentest.Clock{Now: now, Pass: pass})
		})
	})
}

// One account that logs in without end has a hundred sessions, the last ones; and all
// that was written is forgotten in time.
func TestOneUserHasSoManySessions(t *testing.T) {
	server := redistest.Start(t)
	s := open(t, Config{URL: "redis://" + server.Addr}).Sessions()
	commit := func(n byte, user string) {
		now := time.Now()
		rec := session.Record{User: user, Created: now, Seen: now, Expires: now.Add(time.Hour + time.Duration(n)*time.Second), Version: 1}
		if done, err := s.Commit(t.Context(), session.Key{n}, rec); err != nil || !done {
			t.Fatal(done, err)
		}
	}
	commit(255, "ada")
	for n := range byte(130) {
		commit(n, "eve")
	}
	for n, want := range map[byte]bool{0: false, 29: false, 30: true, 129: true, 255: true} {
		if _, found, err := s.Find(t.Context(), session.Key{n}); err != nil || found != want {
			t.Errorf("session %d: %v, %v; want %v", n, found, err, want)
		}
	}
	if n, err := s.DeleteUser(t.Context(), "eve"); err != nil || n != maxOwned {
		t.Errorf("DeleteUser = %d, %v", n, err)
	}
	for _, key := range []string{s.of("eve"), s.of("ada"), s.key(sessionName(session.Key{255}))} {
		if ttl := server.Do(t, "PTTL", key); len(ttl) < 7 || ttl[0] == '-' {
			t.Errorf("%s ends in %s ms", key, ttl)
		}
	}
	if keys := server.Do(t, "KEYS", "*eve*"); keys != "" {
		t.Errorf("a key tells whose it is: %s", keys)
	}
}

// Whoever revokes all of a user's sessions finds one that is written at the same time
// by the next time he asks.
func TestARevocationMissesNothingForLong(t *testing.T) {
	s := open(t, Config{URL: "redis://" + redistest.Start(t).Addr}).Sessions()
	var all sync.WaitGroup
	for n := range byte(50) {
		all.Go(func() {
			now := time.Now()
			if _, err := s.Commit(context.Background(), session.Key{n}, session.Record{User: "ada", Created: now, Seen: now, Expires: now.Add(time.Hour), Version: 1}); err != nil {
				t.Error(err)
			}
		})
	}
	first, err := s.DeleteUser(t.Context(), "ada")
	if err != nil {
		t.Fatal(err)
	}
	all.Wait()
	if then, err := s.DeleteUser(t.Context(), "ada"); err != nil || first+then != 50 {
		t.Errorf("%d and then %d of 50 were found, %v", first, then, err)
	}
}

// A server that does not answer is an error, and never a session or a token that is
// good.
func TestStoresWithoutAServer(t *testing.T) {
	server := redistest.Start(t)
	client := open(t, Config{URL: "redis://" + server.Addr})
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if _, found, err := client.Sessions().Find(ctx, session.Key{1}); err == nil || found {
		t.Errorf("Find = %v, %v", found, err)
	}
	if done, err := client.Sessions().Commit(ctx, session.Key{1}, session.Record{User: "ada", Version: 1}); err == nil || done {
		t.Errorf("Commit = %v, %v", done, err)
	}
	if done, err := client.Families().Swap(ctx, token.FamilyID{1}, [32]byte{}, token.Family{}); err == nil || done {
		t.Errorf("Swap = %v, %v", done, err)
	}
	if _, err := client.Revocations().Revoked(ctx, "a"); err == nil {
		t.Error("Revoked: no error")
	}
	if n, err := client.Sessions().DeleteUser(ctx, "ada"); err == nil || n != 0 {
		t.Errorf("DeleteUser = %d, %v", n, err)
	}
}
