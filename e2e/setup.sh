#!/bin/sh
# Copyright The Panoply Authors.
# SPDX-License-Identifier: Apache-2.0
#
# Installs what the end-to-end tests need, where it can: the npm packages of the
# Express apps, of the oracle, of the graders and of axe-core and, as root on a system with
# apt, Chromium, redis-server, nginx and buildah. What it could not get it says loudly; the tests
# that need it are then skipped. With PANOPLY_REQUIRE=1 they fail, and so does
# this script. Running it again is quick and changes nothing.

cd "$(dirname "$0")" || exit 2
missing=0

loud() {
	missing=1
	printf '\n*** MISSING: %s ***\n\n' "$*" >&2
}

has() { command -v "$1" >/dev/null 2>&1; }

# Mongoose 9 and the MongoDB driver 7 need this version of Node.
recent_node='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'

if ! has node; then
	loud 'node is not installed: no test with an Express app can run'
elif ! node -e "$recent_node"; then
	loud "node $(node -v) is too old: the apps need 20.19 or newer"
elif ! has npm; then
	loud 'npm is not installed: the packages of the Express apps cannot be installed'
else
	for app in apps/express5 apps/express4 apps/oracle apps/errors apps/graders apps/axe apps/sites; do
		# npm writes the hidden lock file last, so it tells of a finished installation.
		if [ -e "$app/node_modules/.package-lock.json" ] &&
			! [ "$app/package-lock.json" -nt "$app/node_modules/.package-lock.json" ]; then
			echo "$app: installed"
		elif (cd "$app" && npm ci --no-audit --no-fund --prefer-offline --loglevel=error --fetch-retries=1); then
			echo "$app: installed now"
		else
			loud "npm ci failed in e2e/$app: is the package registry within reach?"
		fi
	done
fi

browser=
for name in chromium chromium-browser google-chrome; do
	if has "$name"; then
		browser=$name
		break
	fi
done
if [ -n "$browser" ]; then
	echo "browser: $browser"
elif has apt-get && [ "$(id -u)" = 0 ]; then
	log=$(mktemp)
	if apt-get install -y --no-install-recommends chromium >"$log" 2>&1 ||
		{ apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends chromium >"$log" 2>&1; }; then
		echo 'browser: chromium, installed now'
	else
		tail -n 5 "$log" >&2
		loud 'apt-get could not install chromium: the browser tests cannot run'
	fi
	rm -f "$log"
else
	loud 'no Chromium, and no root with apt-get to install it: the browser tests cannot run'
fi

# need COMMAND PACKAGE WHAT: installs the package that has the command.
need() {
	if has "$1" || [ -x "/usr/sbin/$1" ]; then
		echo "$1: installed"
	elif has apt-get && [ "$(id -u)" = 0 ]; then
		log=$(mktemp)
		if apt-get install -y --no-install-recommends "$2" >"$log" 2>&1 ||
			{ apt-get update >"$log" 2>&1 && apt-get install -y --no-install-recommends "$2" >"$log" 2>&1; }; then
			echo "$1: installed now"
		else
			tail -n 5 "$log" >&2
			loud "apt-get could not install $2: $3"
		fi
		rm -f "$log"
	else
		loud "no $1, and no root with apt-get to install it: $3"
	fi
}

need redis-server redis-server 'the tests of the Redis store cannot run'
need nginx nginx-light 'one well-made site cannot be scanned'
need buildah buildah 'the image cannot be built'

[ "$missing" = 0 ] || [ "$PANOPLY_REQUIRE" != 1 ]
