// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package inspect

import "hash/maphash"

// names are the names of the objects around a place in JSON, each object's behind
// those of the one around it. A few are looked through; of more there is a hash
// table. It is seeded, so that nobody can choose names that collide.
type names struct {
	list  []name
	table []int32 // positions in list, plus one; open addressing
	full  int     // places of the table in use
}

type name struct {
	text string
	from int32 // where the names of its object start
	slot int32 // in the table; -1 where there is none
}

// few names are compared one by one.
const few = 8

var seed = maphash.MakeSeed()

// has reports whether a name is among those from a position on.
func (ns *names) has(from int, text string) bool {
	if len(ns.list)-from <= few {
		for i := from; i < len(ns.list); i++ {
			if ns.list[i].text == text {
				return true
			}
		}
		return false
	}
	mask := len(ns.table) - 1
	for at := hash(from, text) & mask; ns.table[at] != 0; at = (at + 1) & mask {
		if i := int(ns.table[at]) - 1; i >= from && ns.list[i].text == text {
			return true
		}
	}
	return false
}

// add adds a name to those from a position on, and reports whether it is new.
func (ns *names) add(from int, text string) (fresh bool) {
	if ns.has(from, text) {
		return false
	}
	ns.list = append(ns.list, name{text: text, from: int32(from), slot: -1})
	last := len(ns.list) - 1
	switch count := len(ns.list) - from; {
	case count == few+1:
		for i := from; i <= last; i++ {
			ns.place(i)
		}
	case count > few:
		ns.place(last)
	}
	return true
}

// place puts a name of the list into the table.
func (ns *names) place(i int) {
	if 2*ns.full >= len(ns.table) {
		ns.grow()
	}
	n := &ns.list[i]
	mask := len(ns.table) - 1
	at := hash(int(n.from), n.text) & mask
	for ns.table[at] != 0 {
		at = (at + 1) & mask
	}
	ns.table[at] = int32(i + 1)
	n.slot = int32(at)
	ns.full++
}

// grow doubles the table. The names keep their order in it, which drop needs.
func (ns *names) grow() {
	ns.table = make([]int32, max(8*few, 2*len(ns.table)))
	ns.full = 0
	for i := range ns.list {
		if ns.list[i].slot >= 0 {
			ns.place(i)
		}
	}
}

// drop takes away the names from a position on. Those that joined last leave
// first, so that every place of the table is as it was before they came.
func (ns *names) drop(from int) {
	if len(ns.list)-from > few {
		for i := len(ns.list) - 1; i >= from; i-- {
			ns.table[ns.list[i].slot] = 0
		}
		ns.full -= len(ns.list) - from
	}
	clear(ns.list[from:]) // of what they point to
	ns.list = ns.list[:from]
}

// keep is how many names an account may have room for and be used again.
const keep = 16 << 10

// reset makes an account empty that was left at any point.
func (ns *names) reset() {
	if cap(ns.list) > keep || len(ns.table) > 4*keep {
		*ns = names{}
		return
	}
	clear(ns.list)
	ns.list = ns.list[:0]
	if ns.full > 0 {
		clear(ns.table)
		ns.full = 0
	}
}

func hash(from int, text string) int {
	return int(maphash.String(seed, text) + uint64(from)*0x9e3779b97f4a7c15)
}
