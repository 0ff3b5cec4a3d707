// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"container/heap"
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// MemoryFamilies keeps refresh tokens in the memory of one process: when it ends,
// everybody has to log in.
//
// A subject has so many families and no more: one login too many ends the family
// of its own that was used longest ago. When the store is full, families that have
// ended make room and no others: the answer is then [ErrFull]. So whoever logs in
// without end signs nobody else out, and keeps nobody else out either, short of an
// account for each share of the store.
type MemoryFamilies struct {
	max, perSubject int
	now             func() time.Time

	mu       sync.Mutex
	families map[FamilyID]*family
	subjects map[string]*list.List // of *family, used longest ago in front
	next     ends
}

type family struct {
	id    FamilyID
	f     Family
	node  *list.Element // among its subject's
	place int           // in next
}

var _ Families = (*MemoryFamilies)(nil)

// NewMemoryFamilies makes an empty store of at most so many families, about 500
// bytes each and their subjects' names, and so many of one subject. 0 is 100,000, and
// 100 of a subject: enough for all devices of a person, and to be raised where many
// share an account.
func NewMemoryFamilies(max, perSubject int) (*MemoryFamilies, error) {
	if max == 0 {
		max = 100_000
	}
	if perSubject == 0 {
		perSubject = min(100, max)
	}
	var faults fault.List
	if max < 1 || max > maxRevocations {
		faults.Addf("max", "leave it out for 100000", "%d is not within 1 and %d", max, maxRevocations)
	}
	if perSubject < 1 || perSubject > max {
		faults.Addf("per_subject", "leave it out for 100", "%d is not within 1 and %d, which is all", perSubject, max)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	return &MemoryFamilies{max: max, perSubject: perSubject, now: time.Now, families: map[FamilyID]*family{},
		subjects: map[string]*list.List{}}, nil
}

// Create implements [Families].
func (m *MemoryFamilies) Create(_ context.Context, id FamilyID, f Family) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for len(m.next) > 0 && !now.Before(m.next[0].f.Expires) {
		m.remove(m.next[0])
	}
	of := m.subjects[f.Subject]
	if of != nil && of.Len() >= m.perSubject {
		m.remove(of.Front().Value.(*family))
	}
	if len(m.families) >= m.max {
		return ErrFull
	}
	if of = m.subjects[f.Subject]; of == nil {
		of = list.New()
		m.subjects[f.Subject] = of
	}
	e := &family{id: id, f: f}
	e.node = of.PushBack(e)
	m.families[id] = e
	heap.Push(&m.next, e)
	return nil
}

// live returns a family that has not expired.
func (m *MemoryFamilies) live(id FamilyID) *family {
	e := m.families[id]
	if e != nil && !m.now().Before(e.f.Expires) {
		m.remove(e)
		return nil
	}
	return e
}

func (m *MemoryFamilies) remove(e *family) {
	delete(m.families, e.id)
	heap.Remove(&m.next, e.place)
	of := m.subjects[e.f.Subject]
	if of.Remove(e.node); of.Len() == 0 {
		delete(m.subjects, e.f.Subject)
	}
}

// Find implements [Families].
func (m *MemoryFamilies) Find(_ context.Context, id FamilyID) (Family, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.live(id); e != nil {
		return e.f, true, nil
	}
	return Family{}, false, nil
}

// Swap implements [Families].
func (m *MemoryFamilies) Swap(_ context.Context, id FamilyID, from [32]byte, next Family) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.live(id)
	if e == nil || e.f.Current != from {
		return false, nil
	}
	next.Subject = e.f.Subject // whose it is never changes
	e.f = next
	m.subjects[next.Subject].MoveToBack(e.node)
	heap.Fix(&m.next, e.place)
	return true, nil
}

// Delete implements [Families].
func (m *MemoryFamilies) Delete(_ context.Context, id FamilyID) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if e := m.families[id]; e != nil {
		m.remove(e)
	}
	return nil
}

// DeleteSubject implements [Families].
func (m *MemoryFamilies) DeleteSubject(_ context.Context, subject string) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, now := 0, m.now()
	for of := m.subjects[subject]; of != nil && of.Len() > 0; {
		e := of.Front().Value.(*family)
		if now.Before(e.f.Expires) {
			n++
		}
		m.remove(e)
	}
	return n, nil
}

// ends is a heap, what ends first in front.
type ends []*family

func (h ends) Len() int           { return len(h) }
func (h ends) Less(i, j int) bool { return h[i].f.Expires.Before(h[j].f.Expires) }
func (h ends) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i, j
}

func (h *ends) Push(x any) {
	e := x.(*family)
	e.place = len(*h)
	*h = append(*h, e)
}

func (h *ends) Pop() any {
	n := len(*h) - 1
	e := (*h)[n]
	(*h)[n] = nil
	*h = (*h)[:n]
	return e
}
