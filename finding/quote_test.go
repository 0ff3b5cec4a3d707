// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package finding_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/panoply-security/panoply/finding"
)

// TestQuote asks a real shell.
func TestQuote(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("*** NOT TESTED: Quote against a shell (there is no sh) ***")
	}
	for _, word := range []string{"", "a b", "'", "''", `'"$HOME"'`, "`id`", "$(id)", `\`, `\'`, "; id", "!!", "*", "é"} {
		out, err := exec.Command(sh, "-c", "printf '%s' "+finding.Quote(word)).Output()
		if err != nil || string(out) != word {
			t.Errorf("%q arrives as %q: %v", word, out, err)
		}
	}
	if !strings.HasPrefix(finding.Quote("-x"), "'") {
		t.Error("not quoted")
	}
}
