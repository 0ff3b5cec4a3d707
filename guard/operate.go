// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"time"
)

// listed is how many blocked keys of a rule the admin page lists.
const listed = 100

// limitStatus is what the admin page tells of the rate limits.
type limitStatus struct {
	Rules        []ruleStatus `json:"rules"`
	StoreDown    bool         `json:"store_down"`
	WithoutStore int64        `json:"without_store"`
}

type ruleStatus struct {
	Name     string          `json:"name"`
	Key      []string        `json:"key"`
	Allowed  int64           `json:"allowed"`
	Refused  int64           `json:"refused"`
	Returned int64           `json:"returned"`
	Waiting  int             `json:"waiting"`
	Blocked  []blockedStatus `json:"blocked"`
}

// blockedStatus is a key that is blocked. Who it is only a reset or a block of the
// same values tells.
type blockedStatus struct {
	Key   string    `json:"key"`
	Until time.Time `json:"until"`
}

// showLimits tells what each rule has decided, and whom it blocks.
func (g *Guard) showLimits(w http.ResponseWriter, r *http.Request) {
	limits := g.suit.Limits()
	stats := limits.Stats()
	s := limitStatus{Rules: []ruleStatus{}, StoreDown: stats.StoreDown, WithoutStore: stats.WithoutStore}
	for number, rule := range limits.Rules() {
		one := ruleStatus{Name: rule.Name, Key: rule.Key, Allowed: stats.Rules[number].Allowed, Refused: stats.Rules[number].Refused,
			Returned: stats.Rules[number].Returned, Waiting: stats.Rules[number].Waiting, Blocked: []blockedStatus{}}
		blocked, err := limits.Blocked(r.Context(), number, listed)
		if err != nil {
			g.storeFails(w, r, err)
			return
		}
		for _, b := range blocked {
			one.Blocked = append(one.Blocked, blockedStatus{hex.EncodeToString(b.Key[:]), b.Until})
		}
		s.Rules = append(s.Rules, one)
	}
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(s)
}

func (g *Guard) storeFails(w http.ResponseWriter, r *http.Request, err error) {
	g.log.WarnContext(r.Context(), "admin: the store of the rate limits", "error", err)
	http.Error(w, "the store of the rate limits does not answer", http.StatusBadGateway)
}

// order is what an operator asks for one client of one rule.
type order struct {
	Key []string `json:"key"` // the values of the rule's key, in its order
	For string   `json:"for"` // a duration, of a block
}

// changeLimit lets a client of a rule in again, or keeps it out for a while.
func (g *Guard) changeLimit(w http.ResponseWriter, r *http.Request, block bool) {
	limits := g.suit.Limits()
	number, err := limits.Find(r.PathValue("rule"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	var o order
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 4<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil || d.Decode(new(any)) != io.EOF {
		http.Error(w, `the body must be {"key": ["203.0.113.7"]}, and for a block "for": "1h" besides`, http.StatusBadRequest)
		return
	}
	key, err := limits.KeyOf(number, o.Key...)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	known := true
	if block {
		d, err := time.ParseDuration(o.For)
		if err != nil || d < time.Second || d > 744*time.Hour {
			http.Error(w, `"for" must be 1s to 744h`, http.StatusBadRequest)
			return
		}
		if err := limits.Block(r.Context(), number, key, d); err != nil {
			g.storeFails(w, r, err)
			return
		}
	} else if known, err = limits.Reset(r.Context(), number, key); err != nil {
		g.storeFails(w, r, err)
		return
	}
	g.log.InfoContext(r.Context(), "admin: a client of a rate limit was changed", "rule", r.PathValue("rule"), "block", block, "known", known)
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(map[string]bool{"known": known})
}
