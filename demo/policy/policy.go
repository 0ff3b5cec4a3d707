// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package policy holds the demo's policy, so that the demo runs from anywhere.
package policy

import (
	"embed"
	"os"
	"path/filepath"
)

//go:embed policy.yaml schemas
var files embed.FS

// Write puts the policy and the schema it names into dir and returns the
// policy's path.
func Write(dir string) (string, error) {
	if err := os.CopyFS(dir, files); err != nil {
		return "", err
	}
	return filepath.Join(dir, "policy.yaml"), nil
}
