// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package redisstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/panoply-security/panoply/ratelimit"
	"github.com/panoply-security/panoply/ratelimit/storetest"
	"github.com/panoply-security/panoply/redisstore/redistest"
)

func TestMain(m *testing.M) {
	// A client that looked for a cluster in vain sleeps for a second, then goes.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/redis/rueidis.(*call).DelayDo.func1"))
}

const patience = 20 * time.Second

func open(t testing.TB, cfg Config) *Client {
	t.Helper()
	c, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func conforms(t *testing.T, url string) {
	storetest.Run(t, func(t *testing.T, test storetest.Test) {
		s := open(t, Config{URL: url}).Limits()
		test(t, s, func(d time.Duration) { s.shift.Add(int64(d / time.Microsecond)) })
	})
}

func TestStore(t *testing.T) { conforms(t, "redis://"+redistest.Start(t).Addr) }

// cluster starts a cluster of three masters.
func cluster(t *testing.T) (nodes []*redistest.Server) {
	t.Helper()
	for i := range 3 {
		s := redistest.Start(t, "--cluster-enabled", "yes")
		if got := s.Do(t, "CLUSTER", "ADDSLOTSRANGE", []string{"0", "5461", "10923"}[i], []string{"5460", "10922", "16383"}[i]); got != "OK" {
			t.Fatal(got)
		}
		nodes = append(nodes, s)
	}
	for _, s := range nodes[1:] {
		host, port, _ := strings.Cut(s.Addr, ":")
		nodes[0].Do(t, "CLUSTER", "MEET", host, port)
	}
	for _, s := range nodes {
		awaits(t, "a cluster of three", func() bool {
			info := s.Do(t, "CLUSTER", "INFO")
			return strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return nodes
}

// A cluster refuses what is not in one slot, and each of its nodes holds some keys.
func TestStoreOnACluster(t *testing.T) {
	nodes := cluster(t)
	url := "redis://" + nodes[0].Addr
	store := open(t, Config{URL: url}).Limits()
	awaits(t, "an answer", func() bool {
		_, err := store.Take(t.Context(), limit(1), newKey(), 1)
		return err == nil
	})
	conforms(t, url)
	l := limit(1)
	for range 100 {
		if r, err := store.Take(t.Context(), l, newKey(), 1); err != nil || !r.Allowed {
			t.Fatal(r, err)
		}
	}
	for _, s := range nodes {
		if got := s.Do(t, "DBSIZE"); got == "0" {
			t.Errorf("the node %s holds no key", s.Addr)
		}
	}
	// What one node holds is lost with it, and the others go on.
	nodes[2].Stop()
	reached := 0
	for range 60 {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		if _, err := store.Take(ctx, l, newKey(), 1); err == nil {
			reached++
		}
		cancel()
	}
	if reached == 0 || reached == 60 {
		t.Errorf("%d of 60 decisions were made without a third of the cluster", reached)
	}
}

// A server that its Sentinel replaces is found by itself, and what its replica knew
// holds.
func TestSentinelReplacesAServer(t *testing.T) {
	first := redistest.Start(t)
	host, port, _ := strings.Cut(first.Addr, ":")
	second := redistest.Start(t, "--replicaof", host, port)
	sentinel := redistest.StartSentinel(t, "limits", first)
	awaits(t, "a Sentinel that knows the replica", func() bool {
		return strings.Contains(second.Do(t, "INFO", "replication"), "master_link_status:up") && strings.Contains(sentinel.Do(t, "SENTINEL", "replicas", "limits"), second.Addr)
	})
	store := open(t, Config{URL: "redis://" + sentinel.Addr + "?master_name=limits"}).Limits()
	l, key := limit(3), newKey()
	take := func() (ratelimit.Result, error) {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		return store.Take(ctx, l, key, 1)
	}
	for range 3 {
		if r, err := take(); err != nil || !r.Allowed {
			t.Fatal(r, err)
		}
	}
	awaits(t, "a replica that has it", func() bool { return second.Do(t, "DBSIZE") != "0" })
	first.Stop()
	var r ratelimit.Result
	awaits(t, "the replica in its place", func() (ok bool) {
		var err error
		r, err = take()
		return err == nil
	})
	if r.Allowed {
		t.Error("the limit that was used up is forgotten")
	}
}

// awaits waits for something that takes a while.
func awaits(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !there(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("there is never %s", what)
		}
	}
}

func limit(n int) ratelimit.Limit {
	return ratelimit.Limit{ID: "test-" + rand.Text(), Algorithm: "sliding", Limit: n, Window: time.Hour}
}

func newKey() (k ratelimit.Key) {
	rand.Read(k[:])
	return k
}

// Processes that share a server share a limit, to the attempt.
func TestTwoProcessesHaveOneLimit(t *testing.T) {
	url := "redis://" + redistest.Start(t).Addr
	stores := []*Limits{open(t, Config{URL: url}).Limits(), open(t, Config{URL: url}).Limits()}
	l, key := limit(100), newKey()
	var allowed atomic.Int32
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for range 10 {
				r, err := stores[i%2].Take(t.Context(), l, key, 1)
				if err != nil {
					t.Error(err)
				}
				if r.Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := allowed.Load(); n != 100 {
		t.Errorf("%d of 640 were allowed; want 100", n)
	}
}

// Every key that is written expires, and is of a bounded length.
func TestEveryKeyExpires(t *testing.T) {
	c := open(t, Config{URL: "redis://" + redistest.Start(t).Addr})
	s := c.Limits()
	for _, algorithm := range []string{"sliding", "gcra", "fixed"} {
		l := ratelimit.Limit{ID: strings.Repeat("x", 72) + algorithm, Algorithm: algorithm, Limit: 2, Window: time.Hour, Burst: 2, Block: time.Hour, MaxBlock: 2 * time.Hour}
		key := newKey()
		var last ratelimit.Result
		for range 3 {
			r, err := s.Take(t.Context(), l, key, 1)
			if err != nil {
				t.Fatal(err)
			}
			if r.Allowed {
				last = r
			}
		}
		if _, err := s.GiveBack(t.Context(), l, key, last.Stamp, 1); err != nil {
			t.Fatal(err)
		}
	}
	client, err := c.connected(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names, err := client.Do(t.Context(), client.B().Keys().Pattern("*").Build()).AsStrSlice()
	if err != nil || len(names) != 6 {
		t.Fatalf("got %q, %v; want six keys", names, err)
	}
	for _, name := range names {
		ms, err := client.Do(t.Context(), client.B().Pttl().Key(name).Build()).AsInt64()
		if err != nil || ms <= 0 || ms > (5*time.Hour).Milliseconds() {
			t.Errorf("%s expires in %d ms, %v", name, ms, err)
		}
		if len(name) > 138 {
			t.Errorf("%s has %d bytes", name, len(name))
		}
	}
}

// A server that dies and comes back is used again, without a new client. The
// script that it lost is sent again.
func TestRecovery(t *testing.T) {
	s := redistest.Start(t)
	store := open(t, Config{URL: "redis://" + s.Addr}).Limits()
	l := limit(1_000_000)
	take := func() error {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		_, err := store.Take(ctx, l, newKey(), 1)
		return err
	}
	if err := take(); err != nil {
		t.Fatal(err)
	}
	s.Stop()
	if err := take(); err == nil {
		t.Error("without a server: got no error")
	}
	s.Start(t)
	for deadline := time.Now().Add(patience); take() != nil; {
		if time.Now().After(deadline) {
			t.Fatal("it does not recover")
		}
	}
}

func TestOpenWithoutAServer(t *testing.T) {
	s := redistest.Start(t)
	s.Stop()
	store := open(t, Config{URL: "redis://" + s.Addr}).Limits()
	if _, err := store.Peek(t.Context(), limit(1), newKey()); err == nil {
		t.Error("got no error")
	}
	s.Start(t)
	for deadline := time.Now().Add(patience); ; time.Sleep(10 * time.Millisecond) {
		if _, err := store.Peek(t.Context(), limit(1), newKey()); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestPassword(t *testing.T) {
	s := redistest.Start(t, "--requirepass", "correct-horse")
	url := "redis://" + s.Addr
	t.Setenv("PANOPLY_TEST_PASSWORD", "correct-horse")
	if err := open(t, Config{URL: url, PasswordEnv: "PANOPLY_TEST_PASSWORD"}).Ping(t.Context()); err != nil {
		t.Error(err)
	}
	t.Setenv("PANOPLY_TEST_PASSWORD", "wrong-horse")
	_, err := Open(t.Context(), Config{URL: url, PasswordEnv: "PANOPLY_TEST_PASSWORD"})
	if err == nil || strings.Contains(err.Error(), "horse") {
		t.Errorf("a wrong password: got %v", err)
	}
	if _, err := Open(t.Context(), Config{URL: url}); err == nil {
		t.Error("no password: got no error")
	}
}

func TestURL(t *testing.T) {
	t.Setenv("PANOPLY_TEST_EMPTY", "")
	for _, tt := range []struct{ name, url, env, want string }{
		{"plain", "redis://cache:6380", "", "[cache:6380] 0  false"},
		{"usual-port", "redis://cache", "", "[cache:6379] 0  false"},
		{"v6", "redis://[::1]/3", "", "[[::1]:6379] 3  false"},
		{"tls-and-user", "rediss://panoply@cache", "", "[cache:6379] 0  true"},
		{"cluster", "redis://a?addr=b:7000&addr=c", "", "[a:6379 b:7000 c:6379] 0  false"},
		{"sentinels", "rediss://a/2?addr=b:1&master_name=limits", "", "[a:26379 b:1] 2 limits true"},
		{"a-password", "redis://u:hunter2@cache", "", "store"},
		{"another-scheme", "http://hunter2", "", "store"},
		{"no-host", "redis:///0", "", "store"},
		{"bad-port", "redis://cache:0", "", "store"},
		{"bad-node", "redis://cache?addr=a:x", "", "store"},
		{"bad-db", "redis://cache/hunter2", "", "store"},
		{"db-of-a-cluster", "redis://a/1?addr=b", "", "store"},
		{"unknown-query", "redis://cache?password=hunter2", "", "store"},
		{"two-masters", "redis://cache?master_name=a&master_name=b", "", "store"},
		{"nothing", "", "", "store"},
		{"empty-variable", "redis://cache", "PANOPLY_TEST_EMPTY", "store_password_env"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o, err := Config{URL: tt.url, PasswordEnv: tt.env}.option()
			got := fmt.Sprint(o.InitAddress, " ", o.SelectDB, " ", o.Sentinel.MasterSet, " ", o.TLSConfig != nil)
			if err != nil {
				got, _, _ = strings.Cut(err.Error(), ":")
				if strings.Contains(err.Error(), "hunter2") {
					t.Errorf("a secret is in %v", err)
				}
			}
			if got != tt.want {
				t.Errorf("got %q; want %q (%v)", got, tt.want, err)
			}
		})
	}
}

// A server that hangs costs a call what its context says, for all who share the
// pipeline, and is used again when it goes on.
func TestAServerThatHangs(t *testing.T) {
	s := redistest.Start(t)
	store := open(t, Config{URL: "redis://" + s.Addr}).Limits()
	l := limit(1_000_000)
	if _, err := store.Take(t.Context(), l, newKey(), 1); err != nil {
		t.Fatal(err)
	}
	s.Pause()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			if _, err := store.Take(ctx, l, newKey(), 1); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %v; want the context's end", err)
			}
		})
	}
	wg.Wait()
	s.Resume()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		if _, err := store.Take(t.Context(), l, newKey(), 1); err == nil {
			break
		} else if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}
