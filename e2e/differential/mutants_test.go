// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package differential

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// caught is how many requests a mutant may survive, and of which seed they are.
const caught, mutantSeed = "20000", "1"

var only = flag.String("mutant", "", "make this one alone")

// The run above is worth something because it catches each fault that is put into
// our parsers on purpose.
func TestMutantsAreCaught(t *testing.T) {
	startOracle(t) // or there is nothing to catch them with
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	// One at a time is built, while the one before runs.
	built := make(chan func(), len(Mutants))
	var runs sync.WaitGroup
	runs.Go(func() {
		for run := range built {
			run()
		}
	})
	for _, m := range Mutants {
		if *only != "" && *only != m.Name {
			continue
		}
		binary, ok := m.build(t, root, dir)
		if !ok {
			continue
		}
		built <- func() {
			defer os.Remove(binary)
			cmd := exec.Command(binary, "-test.run", "^"+m.Test+"$", "-test.count", "1",
				"-made", caught, "-findings", "1", "-seed", mutantSeed, "-askalso", "0")
			out, err := cmd.CombinedOutput()
			switch text := string(out); {
			case err == nil:
				t.Errorf("%s: %s requests found nothing", m.Name, caught)
			case m.Test == inForms && strings.Contains(text, " reads another form: "):
				_, found, _ := strings.Cut(text, " reads another form: ")
				found, _, _ = strings.Cut(found, "\n")
				t.Logf("%s: caught, %.120s", m.Name, found)
			case m.Test == inNames && strings.Contains(text, "a handler would see"):
				_, found, _ := strings.Cut(text, "a handler would see")
				found, _, _ = strings.Cut(found, "\n")
				t.Logf("%s: caught, a handler would see%.120s", m.Name, found)
			default:
				t.Errorf("%s: %v: %.2000s", m.Name, err, text)
			}
		}
	}
	close(built)
	runs.Wait()
}

// build compiles this package's test with the fault in it.
func (m Mutant) build(t *testing.T, root, dir string) (binary string, ok bool) {
	t.Helper()
	file := filepath.Join(root, filepath.FromSlash(m.File))
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(src), m.Text); n != 1 {
		t.Errorf("%s: its text stands in %s %d times; make the mutant anew", m.Name, m.File, n)
		return "", false
	}
	changed := filepath.Join(dir, m.Name+".go")
	overlay := filepath.Join(dir, m.Name+".json")
	binary = filepath.Join(dir, m.Name+".test")
	text, err := json.Marshal(map[string]any{"Replace": map[string]string{file: changed}})
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{changed: strings.Replace(string(src), m.Text, m.By, 1), overlay: string(text)} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("go", "test", "-c", "-overlay", overlay, "-o", binary, ".")
	cmd.Env = append(os.Environ(), "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: it does not compile: %v\n%s", m.Name, err, out)
		return "", false
	}
	return binary, true
}
