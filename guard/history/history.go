// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package history remembers what the guard has decided lately, for the operator's page.
//
// # What it does
//
// A [History] is told of every decision and every answer, as an observer of the suit. It
// counts them by minute for an hour and by hour for a day, by mistake and by rule and
// route, and keeps the last events with what their log lines have.
//
// # What it does not do
//
// It keeps no body, no query and no header, as the log does not, and nothing across
// restarts: for that there are the log and the metrics.
//
// # Bounds
//
// 200 events of at most 4 KB; 60 minutes and 24 hours with 100 pairs of rule and route
// each, further ones being counted as one. A request that nothing refused costs two
// atomic additions.
package history

import (
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/panoply-security/panoply"
	"github.com/panoply-security/panoply/problem"
	"github.com/panoply-security/panoply/rule"
)

const (
	maxEvents = 200
	maxPairs  = 100 // of rule and route, in one slot
	maxFields = 5
	maxText   = 200 // bytes
	minutes   = 60
	hours     = 24
)

// Kinds is how many mistakes there are to count by: 0 is a request that could be read in
// two ways.
const Kinds = len(rule.Mistakes) + 1

// Event is one decision.
type Event struct {
	At       time.Time
	Rule     rule.ID
	Mistake  int
	Status   int
	Method   string
	Path     string
	Route    string // the policy's pattern, or ""
	Client   string
	ID       string
	Detail   string
	Fields   []problem.Field
	Reported bool // and not enforced
}

// Count is how often something was refused, or would have been.
type Count struct{ Refused, Reported int64 }

// Pair is a rule on a route.
type Pair struct {
	Rule  rule.ID
	Route string
}

// Others is the pair of those that had no room.
var Others = Pair{Route: "others"}

// History remembers. It is safe for concurrent use.
type History struct {
	now func() time.Time

	byMinute [minutes]beat
	byHour   [hours]beat

	mu     sync.Mutex
	minute [minutes]slot
	hour   [hours]slot
	events []Event // a ring
	next   int
}

// beat counts the requests of one stretch of time.
type beat struct{ at, n atomic.Int64 }

// slot counts the decisions of one stretch of time.
type slot struct {
	at     int64
	counts [Kinds]Count
	pairs  map[Pair]Count
}

// New returns an empty history.
func New() *History { return &History{now: time.Now} }

// Decided remembers a decision.
func (h *History) Decided(r *http.Request, x *problem.Exchange, e *problem.Error, reported bool) {
	at := h.now()
	mistake := 0
	if known := rule.Lookup(e.Rule); known != nil {
		mistake = known.Mistake
	}
	event := Event{At: at, Rule: e.Rule, Mistake: mistake, Status: e.Code(), Method: clip(r.Method), Path: clip(r.URL.Path),
		Route: x.Route, ID: x.ID, Detail: clip(e.Detail), Reported: reported}
	if x.Client.IsValid() {
		event.Client = x.Client.String()
	}
	for _, f := range e.Fields[:min(len(e.Fields), maxFields)] {
		event.Fields = append(event.Fields, problem.Field{Pointer: clip(f.Pointer), Detail: clip(f.Detail)})
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.events) < maxEvents {
		h.events = append(h.events, event)
	} else {
		h.events[h.next] = event
	}
	h.next = (h.next + 1) % maxEvents
	minute, hour := at.Unix()/60, at.Unix()/3600
	h.minute[place(minute, minutes)].add(minute, event)
	h.hour[place(hour, hours)].add(hour, event)
}

// place is where a stretch of time stands among n. The clock of a machine may be before
// 1970 until it was set.
func place(at int64, n int) int { return int((at%int64(n) + int64(n)) % int64(n)) }

// clip copies, so that nothing of a request is kept alive, and bounds.
func clip(s string) string {
	if len(s) > maxText {
		return strings.ToValidUTF8(s[:maxText], "") + "…"
	}
	return strings.Clone(s)
}

func (s *slot) add(at int64, e Event) {
	if s.at != at || s.pairs == nil { // the first since the start, which may be at 0
		*s = slot{at: at, pairs: make(map[Pair]Count)}
	}
	pair := Pair{e.Rule, e.Route}
	if _, known := s.pairs[pair]; !known && len(s.pairs) >= maxPairs {
		pair = Others
	}
	s.counts[e.Mistake].add(e.Reported)
	c := s.pairs[pair]
	c.add(e.Reported)
	s.pairs[pair] = c
}

func (c *Count) add(reported bool) {
	if reported {
		c.Reported++
	} else {
		c.Refused++
	}
}

// Answered counts a request.
func (h *History) Answered(_ *http.Request, _ *problem.Exchange, a panoply.Answer) {
	minute, hour := a.Ended.Unix()/60, a.Ended.Unix()/3600
	h.byMinute[place(minute, minutes)].add(minute)
	h.byHour[place(hour, hours)].add(hour)
}

// add counts one. Of those that come while the hour turns a few may be lost.
func (b *beat) add(at int64) {
	if was := b.at.Load(); was != at && b.at.CompareAndSwap(was, at) {
		b.n.Store(0)
	}
	b.n.Add(1)
}

// Bar is one stretch of time.
type Bar struct {
	Start    time.Time
	Requests int64
	Counts   [Kinds]Count
}

// Window is what happened in some stretches, the oldest first.
type Window struct {
	Bars     []Bar
	Requests int64
	Counts   [Kinds]Count
	Pairs    []PairCount // the most frequent first
}

// PairCount is how often a rule decided on a route.
type PairCount struct {
	Pair
	Count
}

// Hour is the last hour by minutes.
func (h *History) Hour() Window { return h.window(h.minute[:], h.byMinute[:], 60) }

// Day is the last day by hours.
func (h *History) Day() Window { return h.window(h.hour[:], h.byHour[:], 3600) }

func (h *History) window(slots []slot, beats []beat, seconds int64) (w Window) {
	last := h.now().Unix() / seconds
	pairs := make(map[Pair]Count)
	h.mu.Lock()
	for at := last - int64(len(slots)) + 1; at <= last; at++ {
		bar := Bar{Start: time.Unix(at*seconds, 0)}
		i := place(at, len(slots))
		if b := &beats[i]; b.at.Load() == at {
			bar.Requests = b.n.Load()
			w.Requests += bar.Requests
		}
		if s := &slots[i]; s.at == at {
			bar.Counts = s.counts
			for k, c := range s.counts {
				w.Counts[k].Refused += c.Refused
				w.Counts[k].Reported += c.Reported
			}
			for p, c := range s.pairs {
				pairs[p] = Count{pairs[p].Refused + c.Refused, pairs[p].Reported + c.Reported}
			}
		}
		w.Bars = append(w.Bars, bar)
	}
	h.mu.Unlock()
	for p, c := range pairs {
		w.Pairs = append(w.Pairs, PairCount{p, c})
	}
	slices.SortFunc(w.Pairs, func(a, b PairCount) int {
		if d := (b.Refused + b.Reported) - (a.Refused + a.Reported); d != 0 {
			return int(d)
		}
		return strings.Compare(string(a.Rule)+" "+a.Route, string(b.Rule)+" "+b.Route)
	})
	return w
}

// Events are the last decisions, the latest first.
func (h *History) Events() []Event {
	h.mu.Lock()
	defer h.mu.Unlock()
	all := make([]Event, 0, len(h.events))
	for i := range h.events {
		all = append(all, h.events[(h.next-1-i+2*maxEvents)%maxEvents])
	}
	return all
}
