// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package rule

import "slices"

// Severities are all of them, from harmless to worst.
var Severities = []Severity{Info, Low, Medium, High, Critical}

// Rank is 1 for info to 5 for critical, and 0 for everything else, so that
// severities compare by it.
func (s Severity) Rank() int { return slices.Index(Severities, s) + 1 }

// AtLeast reports whether s is as bad as other or worse.
func (s Severity) AtLeast(other Severity) bool { return s.Rank() >= other.Rank() }
