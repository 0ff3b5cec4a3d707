// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

// Package e2e holds Panoply's tests with the real thing: Express 5 and
// Express 4 apps that make all seven mistakes, run by Node against an embedded
// database, with the guard in front of them, and a real browser.
//
// They prove two sentences about an app that nobody changed: the attacks that
// succeed against the app alone fail through the guard, and the journey of an
// honest customer gets the same answers, byte for byte.
//
// What they need (Node 20.19 or newer, npm and what it installs, Chromium)
// e2e/setup.sh installs where it can. A test that lacks something says so on
// a line of standard error and is skipped; with PANOPLY_REQUIRE=1 in the
// environment it fails instead. Without -v, go test shows that line only when
// something fails, so a run that must be complete sets the variable.
// Everything listens on the loopback address.
//
// Run them with -count=1: Go's cache of test results does not know the apps'
// JavaScript, nor the command that the tests build.
package e2e
