// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// The action of GitHub gives its script what it reads, and the script does what the
// action says.
func TestAction(t *testing.T) {
	src, err := os.ReadFile("../../action.yml")
	if err != nil {
		t.Fatal(err)
	}
	var action struct {
		Inputs, Outputs map[string]map[string]string
		Runs            struct {
			Using string
			Steps []struct {
				ID, Shell, Run string
				Env            map[string]string
			}
		}
	}
	if err := yaml.Unmarshal(src, &action); err != nil {
		t.Fatal(err)
	}
	if action.Runs.Using != "composite" || len(action.Runs.Steps) != 1 || !strings.HasSuffix(action.Runs.Steps[0].Run, "/action.sh") {
		t.Fatalf("it runs %+v", action.Runs)
	}
	step := action.Runs.Steps[0]
	script, err := filepath.Abs("../../action.sh")
	if err != nil {
		t.Fatal(err)
	}
	app := t.TempDir()
	for name, text := range map[string]string{
		"package.json": `{"dependencies":{"express":"^5.0.0","mongoose":"^8.0.0"}}`,
		"app.js": `const express = require('express'); const mongoose = require('mongoose'); const app = express();
const User = mongoose.model('User', new mongoose.Schema({ email: String }));
app.use(express.json()); app.post('/login', async (req, res) => { res.json(await User.findOne({ email: req.body.email })); }); app.listen(3000);`,
	} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(with map[string]string) (code int, out, summary string, outputs map[string]string) {
		t.Helper()
		temp := t.TempDir()
		cmd := exec.Command("bash", script)
		cmd.Env = append(os.Environ(), "RUNNER_TEMP="+temp, "GITHUB_OUTPUT="+temp+"/out", "GITHUB_STEP_SUMMARY="+temp+"/summary")
		inputs := regexp.MustCompile(`^\$\{\{ inputs\.([a-z-]+) \}\}$`)
		for name, value := range step.Env {
			m := inputs.FindStringSubmatch(value)
			if m == nil || action.Inputs[m[1]] == nil {
				t.Fatalf("%s is %s", name, value)
			}
			given, ok := with[m[1]]
			if !ok {
				given = action.Inputs[m[1]]["default"]
			}
			cmd.Env = append(cmd.Env, name+"="+given)
		}
		text, err := cmd.CombinedOutput()
		if _, exited := err.(*exec.ExitError); err != nil && !exited {
			t.Skipf("*** NOT TESTED: the action (%v) ***", err)
		}
		written, _ := os.ReadFile(temp + "/summary")
		outputs = map[string]string{}
		list, _ := os.ReadFile(temp + "/out")
		for line := range strings.Lines(string(list)) {
			name, value, _ := strings.Cut(strings.TrimSpace(line), "=")
			outputs[name] = value
		}
		return cmd.ProcessState.ExitCode(), string(text), string(written), outputs
	}

	code, out, summary, outputs := run(map[string]string{"target": app})
	if code != exitFindings || !strings.Contains(summary, "nosql/operator") {
		t.Errorf("exit code %d, %s\nsummary %s", code, out, summary)
	}
	for name := range action.Outputs {
		text, err := os.ReadFile(outputs[name])
		if err != nil || !json.Valid(text) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if code, out, _, _ := run(map[string]string{"target": app, "fail-on": "none"}); code != 0 {
		t.Errorf("fail-on none: exit code %d, %s", code, out)
	}
	if code, out, _, _ := run(map[string]string{"target": app, "baseline": outputs["report"]}); code != 0 {
		t.Errorf("with a baseline: exit code %d, %s", code, out)
	}
	if code, _, _, _ := run(map[string]string{"command": "guard; true", "target": app}); code != exitUsage {
		t.Errorf("another command: exit code %d", code)
	}
	if code, _, _, outputs := run(map[string]string{"target": "--help"}); code == 0 && outputs["report"] != "" {
		t.Error("a target that looks like a flag is one")
	}
}
