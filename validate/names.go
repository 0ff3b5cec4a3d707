// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package validate

// maxNames is how many fields an object may declare, so that those present are
// noted in a few words instead of a map.
const maxNames = 256

// names finds the number of a declared name.
type names struct {
	list   []string
	number map[string]int
}

func newNames(list []string) names {
	n := names{list, make(map[string]int, len(list))}
	for i, name := range list {
		n.number[name] = i
	}
	return n
}

// find returns a name's number, or -1. Most clients send the members in the order
// in which they are declared, so that the next is looked at first.
func (n *names) find(name string, next int) int {
	if next < len(n.list) && n.list[next] == name {
		return next
	}
	if i, ok := n.number[name]; ok {
		return i
	}
	return -1
}

// nameSet is a set of numbers below maxNames.
type nameSet [maxNames / 64]uint64

func (s *nameSet) add(i int)      { s[i/64] |= 1 << (i % 64) }
func (s *nameSet) has(i int) bool { return s[i/64]&(1<<(i%64)) != 0 }

// holds reports whether all of the other set are in this one.
func (s *nameSet) holds(other *nameSet) bool {
	for i := range s {
		if other[i]&^s[i] != 0 {
			return false
		}
	}
	return true
}
