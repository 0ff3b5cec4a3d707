// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"bufio"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/panoply-security/panoply/redisstore/redistest"
)

const sharedSecret = "n0t-a-secret-but-long-enough/kq83hdYw02mzPq"

// sharing is a policy of guards that share a server: so many requests an hour
// for all of the app.
func sharing(t *testing.T, addr, instead string, limit int) string {
	t.Helper()
	t.Setenv("PANOPLY_TEST_KEYS", sharedSecret)
	return fmt.Sprintf("rate_limits: {store: 'redis://%s', on_store_error: %s, key_secret_env: PANOPLY_TEST_KEYS,\n"+
		"  rules: [{name: all, match: /, limit: %d, window: 1h, count: all, key: [ip]}]}", addr, instead, limit)
}

// Two guards that share a server enforce one limit, to the attempt.
func TestTwoGuardsHaveOneLimit(t *testing.T) {
	policy := sharing(t, redistest.Start(t).Addr, "deny", 50)
	guards := []*running{start(t, ok, options{policy: policy}), start(t, ok, options{policy: policy})}
	var passed, refused atomic.Int32
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for range 10 {
				switch resp, _ := guards[i%2].do(t, "GET", "/", ""); resp.StatusCode {
				case http.StatusOK:
					passed.Add(1)
				case http.StatusTooManyRequests:
					refused.Add(1)
				default:
					t.Errorf("got status %d", resp.StatusCode)
				}
			}
		})
	}
	wg.Wait()
	if passed.Load() != 50 || refused.Load() != 110 {
		t.Errorf("%d passed and %d were refused; want 50 and 110", passed.Load(), refused.Load())
	}
}

// A server that dies under load costs no request a 5xx: what was declared for
// it happens, until it is back.
func TestTheStoreDiesUnderLoad(t *testing.T) {
	for _, instead := range []string{"local", "allow", "deny"} {
		t.Run(instead, func(t *testing.T) {
			server := redistest.Start(t)
			g := start(t, ok, options{policy: sharing(t, server.Addr, instead, 1_000_000)})
			var wg sync.WaitGroup
			var gone, stop atomic.Bool
			var passed, refused atomic.Int32 // while it is gone for good
			for range 4 {
				wg.Go(func() {
					for !stop.Load() {
						before := gone.Load()
						resp, _ := g.do(t, "GET", "/", "")
						switch counts := before && gone.Load(); {
						case resp.StatusCode == http.StatusOK && counts:
							passed.Add(1)
						case resp.StatusCode == http.StatusTooManyRequests && counts:
							refused.Add(1)
						case resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusTooManyRequests:
							t.Errorf("got status %d", resp.StatusCode)
						}
					}
				})
			}
			server.Stop()
			gone.Store(true)
			until(t, func() bool { return passed.Load()+refused.Load() >= 100 })
			gone.Store(false)
			server.Start(t)
			until(t, func() bool { return strings.Contains(g.log.String(), "answers again") })
			stop.Store(true)
			wg.Wait()
			if denied := instead == "deny"; denied && passed.Load() > 0 || !denied && refused.Load() > 0 {
				t.Errorf("without the store %d passed and %d were refused", passed.Load(), refused.Load())
			}
			if resp, _ := g.do(t, "GET", "/", ""); resp.StatusCode != http.StatusOK {
				t.Errorf("with the store back: got %d", resp.StatusCode)
			}
		})
	}
}

func until(t *testing.T, done func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Error("it does not happen")
			return
		}
	}
}

// A guard starts without its store, and says so; it does not start when the
// store does not let it in.
func TestStartWithoutTheStore(t *testing.T) {
	server := redistest.Start(t, "--requirepass", "correct-horse")
	policy := sharing(t, server.Addr, "local", 5)
	g, err := New(parsePolicy(t, policy+"\nlisten: 127.0.0.1:0\nadmin: off"), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Run(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "rate_limits.store") || strings.Contains(err.Error(), "horse") {
		t.Errorf("with no password: got %v; want a fault of the store", err)
	}
	server.Stop()
	r := start(t, ok, options{policy: policy})
	if resp, _ := r.do(t, "GET", "/", ""); resp.StatusCode != http.StatusOK {
		t.Errorf("got %d", resp.StatusCode)
	}
	if !strings.Contains(r.log.String(), "cannot be reached") {
		t.Error("the log does not tell of it")
	}
}

// What is wrong with a store is told with its place, and never repeats it.
func TestCheckTellsOfTheStore(t *testing.T) {
	t.Setenv("PANOPLY_TEST_KEYS", sharedSecret)
	for name, test := range map[string]struct {
		store  string
		faults []string
	}{
		"good":         {"{store: 'redis://cache:6379/1', key_secret_env: PANOPLY_TEST_KEYS}", nil},
		"memory":       {"{store: memory}", nil},
		"no-secret":    {"{store: 'redis://cache'}", []string{"rate_limits.key_secret_env"}},
		"bad-db":       {"{store: 'redis://cache/hunter2', key_secret_env: PANOPLY_TEST_KEYS}", []string{"rate_limits.store"}},
		"a-password":   {"{store: 'redis://u:hunter2@cache', key_secret_env: PANOPLY_TEST_KEYS}", []string{"rate_limits.store"}},
		"no-variable":  {"{store: 'redis://cache', store_password_env: PANOPLY_TEST_UNSET, key_secret_env: PANOPLY_TEST_KEYS}", []string{"rate_limits.store_password_env"}},
		"other-scheme": {"{store: 'memcached://cache'}", []string{"rate_limits.store"}},
		"two-faults":   {"{store: 'redis://cache/x', max_keys: -1, key_secret_env: PANOPLY_TEST_KEYS}", []string{"rate_limits.store", "rate_limits.max_keys"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "policy.yaml")
			if err := os.WriteFile(file, []byte("rate_limits: "+test.store), 0o600); err != nil {
				t.Fatal(err)
			}
			_, _, err := Check(file)
			var lines []string
			if err != nil {
				lines = strings.Split(err.Error(), "\n")
			}
			if len(lines) != len(test.faults) {
				t.Fatalf("got %q; want faults of %q", lines, test.faults)
			}
			for _, path := range test.faults {
				if !strings.Contains(err.Error(), "policy.yaml:1:") || !strings.Contains(err.Error(), path+":") || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("got %v; want a fault of %s", err, path)
				}
			}
		})
	}
}

// The canaries of the self-test are nobody's attempts: the store hears nothing.
func TestCanariesDoNotCount(t *testing.T) {
	server := redistest.Start(t)
	g, err := New(parsePolicy(t, sharing(t, server.Addr, "deny", 5)), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	c, err := net.Dial("tcp", server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(patience))
	fmt.Fprint(c, "DBSIZE\r\n")
	if size, err := bufio.NewReader(c).ReadString('\n'); size != ":0\r\n" {
		t.Errorf("the store answers %q, %v to DBSIZE; want no key", size, err)
	}
}
