// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package nodeapp installs and runs the Express apps of this module, which
// stand for the unchanged, vulnerable apps that Panoply's guard protects.
//
// An app is a folder with a package.json, a lock file and an app.js. It is
// told what it needs by its environment: PORT (0 takes a free one), HOST,
// MONGO_URI and UPLOAD_DIR; and says on standard output, as one line,
// `listening PORT`. It listens on the loopback address only.
package nodeapp

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/panoply-security/panoply/e2e/child"
)

const (
	installTimeout = 5 * time.Minute
	startTimeout   = 30 * time.Second
)

// Missing says what this machine lacks for running the apps. A test that
// meets it says so and is skipped, or fails when nothing may be skipped.
type Missing struct {
	What string // such as "node"
	Err  error
}

func (m *Missing) Error() string { return fmt.Sprintf("%s is missing: %v", m.What, m.Err) }

func (m *Missing) Unwrap() error { return m.Err }

// installing keeps two tests from installing into one folder.
var installing sync.Mutex

// Install runs `npm ci` in dir when its node_modules folder is missing or
// older than the lock file. It returns a [*Missing] error when node or npm is
// not installed, or npm could not get the packages.
func Install(ctx context.Context, dir string) error {
	if _, err := exec.LookPath("node"); err != nil {
		return &Missing{"node", err}
	}
	installing.Lock()
	defer installing.Unlock()
	if installed(dir) {
		return nil
	}
	npm, err := exec.LookPath("npm")
	if err != nil {
		return &Missing{"npm", err}
	}
	ctx, cancel := context.WithTimeout(ctx, installTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, npm, "ci", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error", "--fetch-retries=1")
	cmd.Dir = dir
	cmd.WaitDelay = time.Second
	if out, err := cmd.CombinedOutput(); err != nil {
		return &Missing{"what `npm ci` gets for " + filepath.Base(dir), fmt.Errorf("%w: %s", err, lastLines(out, 5))}
	}
	return nil
}

// installed reports whether npm finished an installation after the lock file
// was last written: the hidden lock file is the last thing that npm writes.
func installed(dir string) bool {
	lock, err := os.Stat(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return false
	}
	done, err := os.Stat(filepath.Join(dir, "node_modules", ".package-lock.json"))
	return err == nil && !done.ModTime().Before(lock.ModTime())
}

// Config is what a running app is given.
type Config struct {
	MongoURI  string // required, but for a Site
	UploadDir string // required: an existing folder that takes the uploads
	Mode      string // NODE_ENV; empty is development, as the article's app runs
	Site      string // which of several apps in one folder; none of them has a database
}

// App is a running app.
type App struct {
	URL     string // such as http://127.0.0.1:41234
	process *child.Process
}

var listening = regexp.MustCompile(`^listening (\d+)$`)

// Start runs the app in dir, which is installed, and returns when it listens.
// The context bounds the start only: the app runs until [App.Stop].
func Start(ctx context.Context, dir string, cfg Config) (*App, error) {
	if cfg.MongoURI == "" && cfg.Site == "" || cfg.UploadDir == "" {
		return nil, errors.New("nodeapp: MongoURI and UploadDir are required")
	}
	node, err := exec.LookPath("node")
	if err != nil {
		return nil, &Missing{"node", err}
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	cmd := exec.Command(node, "app.js")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(),
		"HOST=127.0.0.1",
		"PORT=0",
		"MONGO_URI="+cfg.MongoURI,
		"UPLOAD_DIR="+cfg.UploadDir,
		"NODE_ENV="+cfg.Mode,
		"SITE="+cfg.Site,
	)
	process, match, err := child.Start(ctx, cmd, listening)
	if err != nil {
		return nil, fmt.Errorf("failed to start the app %s: %w", filepath.Base(dir), err)
	}
	return &App{URL: "http://127.0.0.1:" + match[1], process: process}, nil
}

// Stop ends the app and returns when it is gone.
func (a *App) Stop() { a.process.Stop() }

// Log is the end of what the app has printed.
func (a *App) Log() string { return a.process.Output() }

func lastLines(out []byte, n int) string {
	lines := strings.Split(string(bytes.TrimSpace(out)), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], " | ")
}
