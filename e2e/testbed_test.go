// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/panoply-security/panoply/demo/db"
	"github.com/panoply-security/panoply/e2e/nodeapp"
)

// apps are the folders under apps/ that every test runs with.
var apps = []string{"express5", "express4"}

// forEachApp runs test once for each app, as a subtest with its name.
func forEachApp(t *testing.T, test func(t *testing.T, app string)) {
	for _, app := range apps {
		t.Run(app, func(t *testing.T) { test(t, app) })
	}
}

// startApp starts a new app with a new database and an empty uploads folder,
// and returns its base URL. Everything ends with the test.
func startApp(t *testing.T, app string) string { return startAppAs(t, app, t.TempDir(), "") }

// startAppIn is startApp with a folder for the uploads.
func startAppIn(t *testing.T, app, uploads string) string { return startAppAs(t, app, uploads, "") }

// startAppAs starts it with a NODE_ENV besides.
func startAppAs(t *testing.T, app, uploads, mode string) string {
	t.Helper()
	dir := filepath.Join("apps", app)
	if err := nodeapp.Install(t.Context(), dir); err != nil {
		if missing := (*nodeapp.Missing)(nil); errors.As(err, &missing) {
			lacking(t, missing.What, missing.Err)
		}
		t.Fatal(err)
	}
	database, err := db.Start(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := database.Close(); err != nil {
			t.Error(err)
		}
	})
	running, err := nodeapp.Start(t.Context(), dir, nodeapp.Config{
		MongoURI:  database.URI(),
		UploadDir: uploads,
		Mode:      mode,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		running.Stop()
		if t.Failed() {
			t.Logf("the app %s printed:\n%s", app, running.Log())
		}
	})
	return running.URL
}

// lacking ends a test for which this machine lacks something. A test that did
// not run must not be taken for one that passed: the line is meant to be seen.
func lacking(t *testing.T, what string, err error) {
	t.Helper()
	if os.Getenv("PANOPLY_REQUIRE") == "1" {
		t.Fatalf("%s is missing, and PANOPLY_REQUIRE=1: %v", what, err)
	}
	fmt.Fprintf(os.Stderr, "\n*** NOT TESTED: %s: %s is missing (%v); e2e/setup.sh installs what it can ***\n\n", t.Name(), what, err)
	t.Skipf("%s is missing: %v", what, err)
}
