// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package ratelimit

import "slices"

// verdict is what an algorithm says about a key at one moment. Times are in
// nanoseconds from then.
type verdict struct {
	allowed   bool
	remaining int   // attempts left
	reset     int64 // until more are left than now
	retry     int64 // until the next is allowed; 0 when allowed
	stamp     int64 // names the attempt that was taken, for giveBack
	blocked   bool  // refused for a time that nothing given back shortens
}

// algorithm keeps the state of a key in size() numbers, all 0 for a new key.
// Time never goes back for it.
type algorithm interface {
	size() int
	// take counts an attempt of a cost of at least 1, or refuses it and leaves
	// the state alone. A cost that the limit never has is refused for a window.
	take(state []int64, now, cost int64) verdict
	// giveBack undoes the attempt with the stamp and cost, as far as it still
	// counts, and says what is left. With a cost of 0 it only says that.
	giveBack(state []int64, stamp, now, cost int64) verdict
	// until is when a blocked key may go on (a past time for one that is not
	// blocked), and when the state can be forgotten.
	until(state []int64) (blocked, idle int64)
}

// sliding is the exact sliding window: state[0] says how many attempts the
// window holds, and their times follow, oldest first. Attempts of the same
// moment are as good as one another, so that giving back either is exact.
type sliding struct {
	limit  int
	window int64
}

func (a sliding) size() int { return 1 + a.limit }

// log drops what has left the window and returns the rest.
func (a sliding) log(state []int64, now int64) []int64 {
	log := state[1 : 1+state[0]]
	old := 0
	for old < len(log) && log[old]+a.window <= now {
		old++
	}
	if old > 0 {
		n := copy(log, log[old:])
		log = log[:n]
		state[0] = int64(n)
	}
	return log
}

func (a sliding) take(state []int64, now, cost int64) verdict {
	log := a.log(state, now)
	n := len(log)
	if over := n + int(cost) - a.limit; over > n {
		return verdict{reset: a.window, retry: a.window}
	} else if over > 0 {
		return verdict{reset: log[0] + a.window - now, retry: log[over-1] + a.window - now, remaining: a.limit - n}
	}
	for i := range int(cost) {
		state[1+n+i] = now
	}
	state[0] += cost
	return verdict{allowed: true, remaining: a.limit - n - int(cost), reset: state[1] + a.window - now, stamp: now}
}

func (a sliding) giveBack(state []int64, stamp, now, cost int64) verdict {
	log := a.log(state, now)
	if i, found := slices.BinarySearch(log, stamp); found && cost > 0 {
		end := i
		for end < len(log) && end < i+int(cost) && log[end] == stamp {
			end++
		}
		log = log[:i+copy(log[i:], log[end:])]
		state[0] = int64(len(log))
	}
	v := verdict{allowed: true, remaining: a.limit - len(log), reset: a.window}
	if len(log) > 0 {
		v.reset = log[0] + a.window - now
	}
	return v
}

func (a sliding) until(state []int64) (blocked, idle int64) {
	n := int(state[0])
	if n == 0 {
		return 0, 0
	}
	if n == a.limit {
		blocked = state[1] + a.window
	}
	return blocked, state[n] + a.window
}

// gcra is the generic cell rate algorithm: state[0] is the theoretical arrival
// time, when all attempts so far are paid for at one per interval.
type gcra struct {
	burst    int64
	interval int64
	window   int64
}

func (a gcra) size() int { return 1 }

func (a gcra) take(state []int64, now, cost int64) verdict {
	base := max(state[0], now)
	if cost > a.burst {
		return verdict{reset: a.window, retry: a.window, remaining: a.left(base - now)}
	}
	arrival := base + cost*a.interval
	debt := arrival - now
	if wait := debt - a.burst*a.interval; wait > 0 {
		return verdict{reset: wait, retry: wait, remaining: a.left(base - now)}
	}
	state[0] = arrival
	return verdict{allowed: true, remaining: a.left(debt), reset: debt, stamp: arrival}
}

// giveBack takes off what is left to pay of the attempt, which is paid in its
// turn, from stamp-cost*interval to stamp. What time has paid is not given
// again.
func (a gcra) giveBack(state []int64, stamp, now, cost int64) verdict {
	if credit := min(stamp-now, cost*a.interval); credit > 0 {
		state[0] -= credit
	}
	debt := max(state[0]-now, 0)
	v := verdict{allowed: true, remaining: a.left(debt), reset: debt}
	if debt == 0 {
		v.reset = a.window
	}
	return v
}

func (a gcra) left(debt int64) int {
	return int(max(0, (a.burst*a.interval-debt)/a.interval))
}

func (a gcra) until(state []int64) (blocked, idle int64) {
	return state[0] + a.interval - a.burst*a.interval, state[0]
}

// fixed is the fixed window: state[0] is when it began, state[1] how many
// attempts it holds.
type fixed struct {
	limit  int
	window int64
}

func (a fixed) size() int { return 2 }

func (a fixed) take(state []int64, now, cost int64) verdict {
	if state[1] == 0 || now-state[0] >= a.window {
		state[0], state[1] = now, 0
	}
	wait := state[0] + a.window - now
	if state[1]+cost > int64(a.limit) {
		return verdict{reset: wait, retry: wait, remaining: a.limit - int(state[1])}
	}
	state[1] += cost
	return verdict{allowed: true, remaining: a.limit - int(state[1]), reset: wait, stamp: state[0]}
}

func (a fixed) giveBack(state []int64, stamp, now, cost int64) verdict {
	if state[0] == stamp {
		state[1] = max(0, state[1]-cost)
	}
	if state[1] == 0 || now-state[0] >= a.window {
		return verdict{allowed: true, remaining: a.limit, reset: a.window}
	}
	return verdict{allowed: true, remaining: a.limit - int(state[1]), reset: state[0] + a.window - now}
}

func (a fixed) until(state []int64) (blocked, idle int64) {
	if state[1] == 0 {
		return 0, 0
	}
	idle = state[0] + a.window
	if state[1] == int64(a.limit) {
		blocked = idle
	}
	return blocked, idle
}
