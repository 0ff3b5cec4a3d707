// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package history

import (
	"fmt"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

// at is a history with a clock that the test sets.
func at(start time.Time) (*History, *time.Time) {
	h, now := New(), start
	h.now = func() time.Time { return now }
	return h, &now
}

func decide(h *History, id rule.ID, route string, reported bool) {
	r := httptest.NewRequest("POST", "/login?token=secret", nil)
	e := problem.Refuse(id, "Not accepted.")
	e.Fields = []problem.Field{{Pointer: "/password/$ne", Detail: "no"}}
	h.Decided(r, &problem.Exchange{ID: "the-id", Client: netip.MustParseAddr("192.0.2.1"), Route: route}, e, reported)
}

func TestHistoryCountsByTimeAndPlace(t *testing.T) {
	h, now := at(time.Unix(472223*3600, 0))
	answer := func() { h.Answered(nil, nil, panoply.Answer{Ended: *now}) }
	decide(h, rule.NoSQLOperator, "POST /login", false)
	decide(h, rule.NoSQLOperator, "POST /login", true)
	answer()
	*now = now.Add(59 * time.Minute)
	decide(h, rule.RequestPath, "", false)
	answer()
	answer()
	hour, day := h.Hour(), h.Day()
	if len(hour.Bars) != 60 || hour.Requests != 3 || hour.Counts[7] != (Count{1, 1}) || hour.Counts[0] != (Count{1, 0}) {
		t.Errorf("the hour: %d bars, %d requests, %v", len(hour.Bars), hour.Requests, hour.Counts)
	}
	if first := hour.Bars[0]; first.Requests != 1 || first.Counts[7].Refused != 1 || hour.Bars[59].Requests != 2 {
		t.Errorf("bars: %v … %v", first, hour.Bars[59])
	}
	if len(day.Bars) != 24 || day.Requests != 3 || day.Bars[23].Requests != 3 {
		t.Errorf("the day: %v", day)
	}
	want := []PairCount{{Pair{rule.NoSQLOperator, "POST /login"}, Count{1, 1}}, {Pair{rule.RequestPath, ""}, Count{1, 0}}}
	if fmt.Sprint(hour.Pairs) != fmt.Sprint(want) {
		t.Errorf("pairs: %v", hour.Pairs)
	}
	// An hour on, the first minute's slot is another minute's.
	*now = now.Add(time.Minute)
	answer()
	if hour := h.Hour(); hour.Counts[7] != (Count{}) || hour.Requests != 3 || hour.Bars[59].Requests != 1 {
		t.Errorf("a minute later: %v", hour)
	}
	if *now = now.Add(48 * time.Hour); h.Day().Requests != 0 || h.Hour().Requests != 0 || len(h.Day().Pairs) != 0 {
		t.Error("two days later there is something left")
	}
}

func TestEventsHaveWhatTheLogHas(t *testing.T) {
	h, now := at(time.Unix(472223*3600, 0))
	decide(h, rule.NoSQLOperator, "POST /login", false)
	e := h.Events()[0]
	if text := fmt.Sprint(e); strings.Contains(text, "secret") || e.Path != "/login" || e.Mistake != 7 || e.Client != "192.0.2.1" ||
		e.Status != 400 || e.ID != "the-id" || !e.At.Equal(*now) || e.Fields[0].Pointer != "/password/$ne" {
		t.Errorf("it is %s", text)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	h, _ := at(time.Unix(472223*3600, 0))
	for i := range 1000 {
		decide(h, rule.NoSQLOperator, fmt.Sprintf("/%04d", i), false)
	}
	events := h.Events()
	if len(events) != maxEvents || events[0].Route != "/0999" || events[maxEvents-1].Route != "/0800" {
		t.Errorf("%d events, from %s to %s", len(events), events[0].Route, events[len(events)-1].Route)
	}
	hour := h.Hour()
	if len(hour.Pairs) != maxPairs+1 || hour.Pairs[0].Pair != Others || hour.Pairs[0].Refused != 1000-maxPairs {
		t.Errorf("%d pairs, first %v", len(hour.Pairs), hour.Pairs[0])
	}
	r := httptest.NewRequest("GET", "/"+strings.Repeat("é", 5000), nil)
	big := problem.Refuse(rule.NoSQLOperator, strings.Repeat("é", 5000))
	for range 100 {
		big.Fields = append(big.Fields, problem.Field{Pointer: strings.Repeat("é", 500), Detail: strings.Repeat("é", 500)})
	}
	h.Decided(r, &problem.Exchange{}, big, false)
	if n := len(fmt.Sprint(h.Events()[0])); n > 4<<10 {
		t.Errorf("an event has %d bytes", n)
	}
}

// The clock of a machine without a battery starts at 1970 or before, until it is set.
func TestHistoryBeforeTheClockIsSet(t *testing.T) {
	for name, start := range map[string]time.Time{"1970": time.Unix(0, 0), "minutes-later": time.Unix(600, 0), "before": time.Unix(-90_061, 0), "zero": {}} {
		t.Run(name, func(t *testing.T) {
			h, now := at(start)
			both := func(refused, requests int64) {
				t.Helper()
				decide(h, rule.NoSQLOperator, "POST /login", false)
				h.Answered(nil, nil, panoply.Answer{Ended: *now})
				for _, w := range []Window{h.Hour(), h.Day()} {
					if w.Counts[7].Refused != refused || w.Requests != requests || len(w.Pairs) != 1 || w.Pairs[0].Refused != refused {
						t.Errorf("%d requests, %v, %v", w.Requests, w.Counts, w.Pairs)
					}
				}
			}
			both(1, 1)
			both(2, 2)
			*now = time.Unix(472223*3600, 0)
			both(1, 1)
		})
	}
}

func BenchmarkAnswered(b *testing.B) {
	h := New()
	a := panoply.Answer{Ended: time.Now()}
	b.ReportAllocs()
	for b.Loop() {
		h.Answered(nil, nil, a)
	}
}
