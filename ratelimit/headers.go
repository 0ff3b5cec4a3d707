// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// style is a set of header forms.
type style uint8

const (
	draft8 style = 1 << iota
	draft7
	draft6
	legacy
)

// The header names, canonical as net/http keeps them.
const (
	headerLimit  = "Ratelimit"
	headerPolicy = "Ratelimit-Policy"
)

func parseStyles(faults *fault.List, names []string) style {
	var s style
	for i, name := range names {
		var add style
		switch name {
		case "draft-8":
			add = draft8
		case "draft-7":
			add = draft7
		case "draft-6":
			add = draft6
		case "legacy":
			add = legacy
		case "off":
			if len(names) == 1 {
				return 0
			}
			fallthrough
		default:
			faults.Addf(fmt.Sprintf("headers[%d]", i), "draft-8, draft-7, draft-6 or legacy; off alone", "%.40q is not a form", name)
		}
		if add != legacy && add != 0 && s&^legacy != 0 {
			faults.Add(fmt.Sprintf("headers[%d]", i), "two drafts use the same header in different ways", "one draft, with legacy or without")
		}
		s |= add
	}
	return s
}

// names are the headers of the forms, as a list for scripts of other origins.
func (s style) names() string {
	list := "Retry-After"
	if s&(draft8|draft7) != 0 {
		list += ", RateLimit"
	}
	if s&^legacy != 0 {
		list += ", RateLimit-Policy"
	}
	if s&draft6 != 0 {
		list += ", RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset"
	}
	if s&legacy != 0 {
		list += ", X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset"
	}
	return list
}

// policyText is the rule in the draft-8 form, as express-rate-limit writes it
// but without the optional partition key: that would be an unkeyed hash of the
// client's address, which anyone who sees the answer can undo.
func policyText(r *Rule) string {
	return fmt.Sprintf("%q; q=%d; w=%d", r.Name, r.Limit, seconds(r.Window))
}

// seconds rounds up, so that a client which waits as told is let in.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// SetHeaders tells the client what the decisions say is left, but for quiet rules. In draft 8 all
// are listed; the other forms have room for one, the tightest. Retry-After is
// not among them: [Decision.Problem] brings it. What is left to an account is
// not told.
func (l *Limiter) SetHeaders(h http.Header, decisions []Decision) {
	decisions = public(decisions)
	if len(decisions) == 0 || l.styles == 0 {
		return
	}
	if l.expose && h.Get("Access-Control-Allow-Origin") != "" {
		h.Add("Access-Control-Expose-Headers", l.styles.names())
	}
	if l.styles&draft8 != 0 {
		setDraft8(h, decisions)
	}
	if l.styles&^draft8 == 0 {
		return
	}
	d := tightest(decisions)
	limit, left, reset := strconv.Itoa(d.Limit), strconv.Itoa(d.Remaining), seconds(d.Reset)
	if l.styles&(draft7|draft6) != 0 {
		h.Set(headerPolicy, limit+";w="+strconv.FormatInt(seconds(d.rule.Window), 10))
	}
	if l.styles&draft7 != 0 {
		h.Set(headerLimit, fmt.Sprintf("limit=%s, remaining=%s, reset=%d", limit, left, reset))
	}
	if l.styles&draft6 != 0 {
		h.Set("Ratelimit-Limit", limit)
		h.Set("Ratelimit-Remaining", left)
		h.Set("Ratelimit-Reset", strconv.FormatInt(reset, 10))
	}
	if l.styles&legacy != 0 {
		at := l.wall().Add(d.Reset)
		h.Set("X-Ratelimit-Limit", limit)
		h.Set("X-Ratelimit-Remaining", left)
		h.Set("X-Ratelimit-Reset", strconv.FormatInt(at.Add(time.Second-1).Unix(), 10))
	}
}

// public leaves out quiet rules, and what is left to an account: what others have tried
// with it is nothing to tell whoever names it. A refusal says so itself.
func public(decisions []Decision) []Decision {
	hidden := 0
	for i := range decisions {
		if decisions[i].hidden() {
			hidden++
		}
	}
	switch hidden {
	case 0:
		return decisions
	case len(decisions):
		return nil
	}
	shown := make([]Decision, 0, len(decisions)-hidden)
	for i := range decisions {
		if !decisions[i].hidden() {
			shown = append(shown, decisions[i])
		}
	}
	return shown
}

func (d *Decision) hidden() bool { return d.Allowed && (d.account.name != "" || d.rule.Quiet) }

// General reports whether the decision is that of the rule named general.
func (d *Decision) General() bool { return d.rule.Name == generalName }

func setDraft8(h http.Header, decisions []Decision) {
	var room [256]byte
	limits := room[:0]
	for i := range decisions {
		d := &decisions[i]
		if i > 0 {
			limits = append(limits, ", "...)
		}
		limits = append(limits, '"')
		limits = append(limits, d.rule.Name...) // needs no escapes, see validName
		limits = append(limits, `"; r=`...)
		limits = strconv.AppendInt(limits, int64(d.Remaining), 10)
		limits = append(limits, "; t="...)
		limits = strconv.AppendInt(limits, seconds(d.Reset), 10)
	}
	policy := decisions[0].rule.policy
	if len(decisions) > 1 {
		texts := make([]string, len(decisions))
		for i := range decisions {
			texts[i] = decisions[i].rule.policy[0]
		}
		policy = []string{strings.Join(texts, ", ")}
	}
	add(h, headerLimit, []string{string(limits)})
	add(h, headerPolicy, policy)
}

// add puts our list before one that the app sent in the same form: a client
// sees the limits of both. Anything else under the name gives way, for one
// header cannot have two forms.
func add(h http.Header, name string, ours []string) {
	theirs := h[name]
	if len(theirs) == 0 || !strings.HasPrefix(theirs[0], `"`) {
		h[name] = ours
		return
	}
	h[name] = append([]string{ours[0]}, theirs...)
}

// tightest is a refusal if there is one, else the decision with the fewest
// attempts left.
func tightest(decisions []Decision) *Decision {
	d := &decisions[0]
	for i := range decisions {
		o := &decisions[i]
		if d.Allowed && (!o.Allowed || o.Remaining < d.Remaining) {
			d = o
		}
	}
	return d
}
