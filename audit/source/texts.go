// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package source

import (
	"maps"
	"path"
	"slices"
)

// schemas are files that declare an app's data without being code.
var schemas = []string{".prisma"}

// Texts are the files that are no code and have the extension, by path.
func (t *Tree) Texts(ext string) (texts []string) {
	for _, p := range slices.Sorted(maps.Keys(t.json)) {
		if path.Ext(p) == ext {
			texts = append(texts, t.json[p])
		}
	}
	return texts
}
