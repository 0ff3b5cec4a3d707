// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/panoply-security/panoply/rule"
)

// The versions that are compared.
const (
	eslintVersion   = "10.15.0"
	securityVersion = "4.1.0"
	tsParserVersion = "8.74.0"
	tsVersion       = "6.0.3"
	njsscanVersion  = "1.0.2"
	semgrepVersion  = "1.185.0"
)

type bench struct{ root, dir, rules string }

// result is what a tool did: its findings, how long it took by the clock and on
// the processors, or why it was not run.
type result struct {
	tool, note string
	claims     claims
	findings   []found
	wall, cpu  time.Duration
	err        error
}

// do runs a command at the repository's root and gives its standard output. What
// exits with another status because it found something has not failed.
func (b bench) do(ctx context.Context, r *result, env []string, name string, args ...string) []byte {
	if r.err != nil {
		return nil
	}
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = b.root
	cmd.Env = append(os.Environ(), env...)
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	started := time.Now()
	err := cmd.Run()
	r.wall += time.Since(started)
	if cmd.ProcessState != nil {
		r.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	}
	if err != nil && (out.Len() == 0 || cmd.ProcessState == nil || cmd.ProcessState.ExitCode() < 0) {
		r.err = fmt.Errorf("%s: %w %s", filepath.Base(name), err, lastLine(said.String()))
	}
	return out.Bytes()
}

func lastLine(s string) string {
	s = strings.TrimSpace(s)
	return strings.TrimSpace(s[strings.LastIndexByte(s, '\n')+1:])
}

// install runs commands in a directory of the tool's, unless it is there already.
func (b bench) install(ctx context.Context, r *result, name string, commands ...[]string) string {
	dir := filepath.Join(b.dir, name)
	if _, err := os.Stat(filepath.Join(dir, "installed")); err == nil || r.err != nil {
		return dir
	}
	if r.err = os.MkdirAll(dir, 0o755); r.err != nil {
		return dir
	}
	for _, c := range commands {
		cmd := exec.CommandContext(ctx, c[0], c[1:]...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			r.err = fmt.Errorf("%s: %w %s", c[0], err, lastLine(string(out)))
			return dir
		}
	}
	r.err = os.WriteFile(filepath.Join(dir, "installed"), nil, 0o644)
	return dir
}

func (b bench) panoply(ctx context.Context) result {
	r := result{tool: "panoply audit", note: "this repository; one process per app"}
	binary := filepath.Join(b.dir, "panoply")
	build := exec.CommandContext(ctx, "go", "build", "-o", binary, ".")
	build.Dir = filepath.Join(b.root, "cmd", "panoply")
	build.Env = append(os.Environ(), "GOWORK=off")
	if out, err := build.CombinedOutput(); err != nil {
		r.err = fmt.Errorf("go build: %w %s", err, lastLine(string(out)))
	}
	for _, app := range b.apps(&r) {
		report := b.do(ctx, &r, nil, binary, "audit", "--format", "json", "--quiet", "--fail-on", "none", filepath.Join(apps, app))
		if r.err != nil {
			return r
		}
		fs, err := parsePanoply(app, report)
		r.findings, r.err = append(r.findings, fs...), err
	}
	r.claims = claims{}
	for _, f := range r.findings {
		r.claims[f.rule] = []rule.ID{rule.ID(f.rule)}
	}
	return r
}

func (b bench) apps(r *result) []string {
	entries, err := os.ReadDir(filepath.Join(b.root, apps))
	if err != nil {
		r.err = errors.Join(r.err, err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	return names
}

const eslintConfig = `import security from 'eslint-plugin-security';
import ts from 'typescript-eslint';
export default [
  { files: ['**/*.{js,mjs,cjs,ts}'] },
  security.configs.recommended,
  { files: ['**/*.ts'], languageOptions: { parser: ts.parser } },
];
`

func (b bench) eslint(ctx context.Context) result {
	r := result{tool: "eslint-plugin-security", claims: eslintClaims}
	dir := b.install(ctx, &r, "eslint", []string{"npm", "init", "-y"},
		[]string{"npm", "install", "--no-audit", "--no-fund", "eslint@" + eslintVersion, "eslint-plugin-security@" + securityVersion,
			"typescript-eslint@" + tsParserVersion, "typescript@" + tsVersion})
	config := filepath.Join(dir, "eslint.config.mjs")
	if r.err == nil {
		r.err = os.WriteFile(config, []byte(eslintConfig), 0o644)
	}
	report := b.do(ctx, &r, nil, filepath.Join(dir, "node_modules", ".bin", "eslint"), "--no-inline-config", "--format", "json", "-c", config, apps)
	broken := 0
	if r.err == nil {
		r.findings, broken, r.err = parseESLint(report)
	}
	r.note = fmt.Sprintf("%s, its recommended rules, ESLint %s, typescript-eslint's parser %s; %d files not parsed", securityVersion, eslintVersion, tsParserVersion, broken)
	return r
}

func python(packages ...string) [][]string {
	return [][]string{{"python3", "-m", "venv", "."}, append([]string{"bin/pip", "install", "--quiet"}, packages...)}
}

// quietly keeps semgrep, which njsscan runs as well, from calling home.
func quietly(venv string) []string {
	return []string{"PATH=" + filepath.Join(venv, "bin") + string(os.PathListSeparator) + os.Getenv("PATH"), "SEMGREP_ENABLE_VERSION_CHECK=0", "SEMGREP_SEND_METRICS=off"}
}

func (b bench) njsscan(ctx context.Context) result {
	r := result{tool: "njsscan", claims: njsscanClaims, note: njsscanVersion + ", as it is by default; it reads .js alone"}
	dir := b.install(ctx, &r, "njsscan", python("njsscan=="+njsscanVersion)...)
	report := b.do(ctx, &r, quietly(dir), filepath.Join(dir, "bin", "njsscan"), "--json", apps)
	if r.err == nil {
		r.findings, r.err = parseNJSScan(report)
	}
	return r
}

// controls is what njsscan --missing-controls adds. It looks at one app at a
// time and is slow to start, so its own rules for what is there run over
// all apps at once.
func (b bench) controls(ctx context.Context) result {
	r := result{tool: "njsscan's missing controls", claims: controlClaims, note: njsscanVersion + ", what --missing-controls adds for each app"}
	dir := b.install(ctx, &r, "njsscan", python("njsscan=="+njsscanVersion)...)
	good, _ := filepath.Glob(filepath.Join(dir, "lib", "python3*", "site-packages", "njsscan", "rules", "semantic_grep", "good"))
	if r.err == nil && len(good) != 1 {
		r.err = errors.New("njsscan's rules are not where they were")
		return r
	}
	if r.err != nil {
		return r
	}
	report := b.do(ctx, &r, quietly(dir), filepath.Join(dir, "bin", "semgrep"), "scan", "--json", "--metrics=off", "--disable-version-check",
		"--no-rewrite-rule-ids", "--no-git-ignore", "--include", "*.js", "--config", good[0], apps)
	if r.err != nil {
		return r
	}
	present, err := parseSemgrep(report)
	r.findings, r.err = missing(b.apps(&r), present), err
	return r
}

func (b bench) semgrep(ctx context.Context) result {
	r := result{tool: "semgrep", claims: semgrepClaims}
	configs := []string{"p/javascript", "p/nodejs", "p/expressjs", "p/typescript", "p/jwt"}
	r.note = semgrepVersion + ", its registry's packs javascript, nodejs, expressjs, typescript and jwt"
	if b.rules != "" {
		r.note, configs = semgrepVersion+", rules of a directory", []string{b.rules}
	} else if r.err = reach(ctx); r.err != nil {
		return r
	}
	dir := b.install(ctx, &r, "semgrep", python("semgrep=="+semgrepVersion)...)
	args := []string{"scan", "--json", "--metrics=off", "--disable-version-check", "--no-git-ignore"}
	for _, c := range configs {
		args = append(args, "--config", c)
	}
	report := b.do(ctx, &r, quietly(dir), filepath.Join(dir, "bin", "semgrep"), append(args, apps)...)
	if r.err == nil {
		r.findings, r.err = parseSemgrep(report)
	}
	return r
}
