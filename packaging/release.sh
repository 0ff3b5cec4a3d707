#!/usr/bin/env bash
# Copyright The Panoply Authors.
# SPDX-License-Identifier: Apache-2.0

# Builds a release into dist/VERSION (or into DIST): a static program for each system, an
# archive of it, npm packages, and the checksums of all archives. The same commit and the
# same version of Go give the same bytes.
#
#     packaging/release.sh v1.2.3                 all systems
#     packaging/release.sh v1.2.3 linux/amd64     these alone
set -euo pipefail
cd "$(dirname "$0")/.."

version=${1:?usage: packaging/release.sh v1.2.3 [os/arch ...]}
shift
if ! [[ $version =~ ^v[0-9]+\.[0-9]+\.[0-9]+(-[0-9A-Za-z.-]+)?$ ]]; then
	echo "release: $version is no version such as v1.2.3" >&2
	exit 2
fi
systems=("$@")
[ ${#systems[@]} -gt 0 ] || systems=(linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64)

dist=${DIST:-dist}/$version
rm -rf "$dist"
mkdir -p "$dist/npm"
dist=$(cd "$dist" && pwd)
if [ -n "$(git status --porcelain 2>/dev/null)" ]; then
	echo '*** release: the tree has changes that are in no commit ***' >&2
fi
when=$(git log -1 --format=%ct 2>/dev/null || echo 0)

# Nothing of whoever builds: neither the environment nor what `go env -w` keeps, which an
# empty variable would leave in force.
export GOFLAGS=-mod=readonly GOAMD64=v1 GOARM64=v8.0 CGO_ENABLED=0 GOWORK=off
unset TAR_OPTIONS GZIP GOEXPERIMENT

# Each file with the commit's time and nobody's name.
pack() { tar --format=gnu --sort=name --mtime="@$when" --owner=0 --group=0 --numeric-owner --mode='u+rwX,go+rX,go-w' -cf - "$@" | gzip -9n; }

optional=
for system in "${systems[@]}"; do
	os=${system%/*} arch=${system#*/} suffix=
	[ "$os" = windows ] && suffix=.exe
	dir=$dist/${os}_$arch
	mkdir -p "$dir"
	echo "release: $os/$arch"
	(cd cmd/panoply && GOOS=$os GOARCH=$arch \
		go build -trimpath -buildvcs=false -ldflags "-s -w -buildid= -X main.release=$version" -o "$dir/panoply$suffix" .)
	cp LICENSE README.md "$dir"
	(cd "$dist" && pack "${os}_$arch" >"panoply_${version}_${os}_$arch.tar.gz")

	# As Node calls them.
	platform=${os/windows/win32} cpu=${arch/amd64/x64}
	package=$dist/npm/panoply-$platform-$cpu
	mkdir -p "$package/bin"
	cp "$dir/panoply$suffix" "$package/bin/"
	cp LICENSE "$package"
	cat >"$package/package.json" <<-END
		{
		  "name": "@panoply-security/panoply-$platform-$cpu",
		  "version": "${version#v}",
		  "description": "Panoply for $os on $arch; install @panoply-security/panoply instead.",
		  "license": "Apache-2.0",
		  "repository": "github:panoply-security/panoply",
		  "os": ["$platform"],
		  "cpu": ["$cpu"],
		  "files": ["bin", "LICENSE"]
		}
	END
	optional+="${optional:+, }\"@panoply-security/panoply-$platform-$cpu\": \"${version#v}\""
done

cp -R packaging/npm "$dist/npm/panoply"
cp LICENSE "$dist/npm/panoply"
sed -e "s/\"version\": \"0.0.0\"/\"version\": \"${version#v}\"/" -e "s|\"optionalDependencies\": {}|\"optionalDependencies\": { $optional }|" \
	packaging/npm/package.json >"$dist/npm/panoply/package.json"

(cd "$dist" && sha256sum -- *.tar.gz >SHA256SUMS)
echo "release: $dist"
