// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import "math/rand/v2"

// source makes choices, the same for the same seed and number.
type source struct{ *rand.Rand }

func newSource(seed, number uint64) source { return source{rand.New(rand.NewPCG(seed, number))} }

// in reports true once in n.
func (s source) in(n int) bool { return s.IntN(n) == 0 }

func pick[T any](s source, list ...T) T { return list[s.IntN(len(list))] }
