// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package guard

import (
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/panoply-security/panoply/token"
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

// endToken ends a re-issued token before its time, wherever it is.
func (g *Guard) endToken(w http.ResponseWriter, r *http.Request) {
	var o struct {
		Token string `json:"token"` // or its jti
	}
	d := json.NewDecoder(http.MaxBytesReader(w, r.Body, 32<<10))
	d.DisallowUnknownFields()
	if err := d.Decode(&o); err != nil || o.Token == "" || d.Decode(new(any)) != io.EOF {
		http.Error(w, `the body must be {"token": "…"}, a re-issued token or its jti`, http.StatusBadRequest)
		return
	}
	all := slices.DeleteFunc(g.suit.Reissuers(), func(re *token.Reissuer) bool { return re == nil || !re.Revocable() })
	whole := slices.ContainsFunc(all, func(re *token.Reissuer) bool { return re.Issued(o.Token) }) // not just a jti
	ended := 0
	for _, re := range all {
		if whole && !re.Issued(o.Token) {
			continue
		}
		if err := re.Revoke(r.Context(), o.Token); err != nil {
			g.log.WarnContext(r.Context(), "admin: a token was not ended", "error", err)
			http.Error(w, "the token was not ended: it is none, or the store does not answer", http.StatusBadGateway)
			return
		}
		ended++
	}
	if ended == 0 {
		http.Error(w, "no rule of the policy has tokens that are revocable", http.StatusNotFound)
		return
	}
	g.log.InfoContext(r.Context(), "admin: a token was ended")
	w.WriteHeader(http.StatusNoContent)
}

// showKeys serves the public keys of the tokens that a rule re-issues.
func (g *Guard) showKeys(w http.ResponseWriter, r *http.Request) {
	n, err := strconv.Atoi(r.PathValue("rule"))
	if all := g.suit.Reissuers(); err == nil && n >= 0 && n < len(all) && all[n] != nil {
		all[n].KeySet().ServeHTTP(w, r)
		return
	}
	http.Error(w, "there is no such rule that re-issues tokens", http.StatusNotFound)
}
