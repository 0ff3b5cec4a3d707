// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package password

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/metrics"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/panoply-security/panoply/problem"
)

// A thousand logins at once take the memory of the hashes that may run, not of a
// thousand, and meanwhile another route is answered as often as it is asked. That it is
// also answered as fast, bench -only logins measures.
func TestAThousandLogins(t *testing.T) {
	const flood, running, enough = 1000, 2, 20
	h := hasher(t, Config{MaxParallel: running})
	stored, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	var compared, busy, gaveUp atomic.Int64
	mux := http.NewServeMux()
	mux.HandleFunc("GET /item", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "item") })
	mux.Handle("POST /login", problem.Handler(func(_ http.ResponseWriter, r *http.Request) error {
		ok, _, err := h.Verify(r.Context(), stored, "correct horse")
		switch {
		case err == nil && ok:
			compared.Add(1)
		case err == ErrBusy:
			busy.Add(1)
		case r.Context().Err() != nil:
			gaveUp.Add(1)
		default:
			t.Errorf("got %v, %v", ok, err)
		}
		return nil
	}))
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/memory/classes/heap/unused:bytes"}}
	used := func() int64 {
		metrics.Read(heap)
		return int64(heap[0].Value.Uint64() + heap[1].Value.Uint64())
	}
	before, most := used(), int64(0)

	ctx, giveUp := context.WithCancel(t.Context())
	defer giveUp()
	var wg sync.WaitGroup
	for range flood {
		wg.Go(func() {
			mux.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "POST", "/login", strings.NewReader("")))
		})
	}
	for compared.Load() < enough {
		rec := httptest.NewRecorder()
		mux.ServeHTTP(rec, httptest.NewRequest("GET", "/item", nil))
		if rec.Body.String() != "item" {
			t.Fatalf("the other route answers %d", rec.Code)
		}
		if len(h.slots) > running {
			t.Fatalf("%d hashes at a time", len(h.slots))
		}
		most = max(most, used()-before)
	}
	giveUp()
	wg.Wait()
	if n := compared.Load() + busy.Load() + gaveUp.Load(); n != flood || compared.Load() > enough+50 || len(h.slots) != 0 || h.waiting.Load() != 0 {
		t.Errorf("%d compared, %d told to come again, %d gave up; %d slots and %d places in the queue are taken", compared.Load(), busy.Load(), gaveUp.Load(), len(h.slots), h.waiting.Load())
	}
	// Each hash fills 19 MiB; what ended is collected when as much is new.
	if limit := int64(8 * running * 19 << 20); most > limit {
		t.Errorf("%d MiB were in use; want at most %d", most>>20, limit>>20)
	}
	t.Logf("at most %d MiB in use, %d logins compared", most>>20, compared.Load())
}
