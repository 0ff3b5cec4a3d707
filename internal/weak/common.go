// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package weak

import (
	"slices"
	"strings"
	"sync"
)

// common is sorted, in lower case.
var common = sync.OnceValue(func() []string {
	var all []string
	for _, list := range []string{passwordsText, commonText} {
		for _, s := range lines(list) {
			all = append(all, strings.ToLower(s))
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
})

// Common reports whether a password is one of the 30,000 most frequent of breaches,
// whatever its case.
func Common(password string) bool {
	_, found := slices.BinarySearch(common(), strings.ToLower(password))
	return found
}
