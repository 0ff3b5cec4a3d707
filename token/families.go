// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package token

import (
	"container/list"
	"context"
	"sync"
	"time"

	"github.com/panoply-security/panoply/internal/fault"
)

// MemoryFamilies keeps refresh tokens in the memory of one process: when it ends,
// everybody has to log in.
//
// When it is full, families that have ended make room and no others: the answer is
// then [ErrFull], so that whoever logs in without end signs nobody else out.
type MemoryFamilies struct {
	max int
	now func() time.Time

	mu       sync.Mutex
	families map[FamilyID]*family
	subjects map[string]map[FamilyID]*family
	oldest   *list.List // of *family, used longest ago in front
}

type family struct {
	id   FamilyID
	f    Family
	node *list.Element
}

var _ Families = (*MemoryFamilies)(nil)

// NewMemoryFamilies makes an empty store of at most so many families, about 500
// bytes each and their subjects' names; 0 is 100,000.
func NewMemoryFamilies(max int) (*MemoryFamilies, error) {
	if max == 0 {
		max = 100_000
	}
	if max < 1 || max > maxRevocations {
		var faults fault.List
		faults.Addf("max", "leave it out for 100000", "%d is not within 1 and %d", max, maxRevocations)
		return nil, faults.Err()
	}
	return &MemoryFamilies{max: max, now: time.Now, families: map[FamilyID]*family{},
		subjects: map[string]map[FamilyID]*family{}, oldest: list.New()}, nil
}

// Create implements [Families].
func (m *MemoryFamilies) Create(_ context.Context, id FamilyID, f Family) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now()
	for node := m.oldest.Front(); node != nil && !now.Before(node.Value.(*family).f.Expires); node = m.oldest.Front() {
		m.remove(node.Value.(*family))
	}
	if len(m.families) >= m.max {
		return ErrFull
	}
	e := &family{id: id, f: f}
	e.node = m.oldest.PushBack(e)
	m.families[id] = e
	of := m.subjects[f.Subject]
	if of == nil {
		of = map[FamilyID]*family{}
		m.subjects[f.Subject] = of
	}
	of[id] = e
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
	m.oldest.Remove(e.node)
	of := m.subjects[e.f.Subject]
	if delete(of, e.id); len(of) == 0 {
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
	m.oldest.MoveToBack(e.node)
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
	for _, e := range m.subjects[subject] {
		if now.Before(e.f.Expires) {
			n++
		}
		m.remove(e)
	}
	return n, nil
}
