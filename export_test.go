// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package panoply

// BudgetUsed is what all buffered bodies hold now, for tests.
func (s *Suit) BudgetUsed() int64 { return s.budget.Used() }
