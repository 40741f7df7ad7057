#!/bin/sh
# Unpacks the C libraries of Debian bullseye (2.31) and trixie (2.41), both ABIs, beside the oracle's programs, so that
# their profiles can be held against them. Nothing is installed on the system. Needs apt-get and dpkg-deb.
set -e
root=$(cd "$(dirname "$0")/../../../.." && pwd)
cache=$root/node_modules/.cache/heapwright-oracle
# The mirror is the one that this machine's own apt uses.
mirror=${DEBIAN_MIRROR:-$(apt-get indextargets --format '$(REPO_URI)' 'Component: main' | grep -m 1 '/debian/$')}
apt=$cache/apt
mkdir -p "$apt/state/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
for suite in bullseye trixie; do
  echo "deb [arch=amd64,i386 trusted=yes] $mirror $suite main"
done > "$apt/sources.list"
cat > "$apt/apt.conf" <<CONF
Dir::State "$apt/state";
Dir::State::status "/dev/null";
Dir::Cache "$apt/cache";
Dir::Etc::sourcelist "$apt/sources.list";
Dir::Etc::sourceparts "-";
APT::Architectures {"amd64";"i386";};
CONF
apt-get -q -c "$apt/apt.conf" update
cd "$apt/debs"
for version in 2.31 2.41; do
  full=$(apt-cache -c "$apt/apt.conf" madison libc6 | awk '{print $3}' | grep "^$version-" | head -n 1)
  for arch in amd64 i386; do
    apt-get -q -c "$apt/apt.conf" download "libc6:$arch=$full" "libc6-dev:$arch=$full"
    mkdir -p "$cache/$version-$arch"
    for deb in ./*_"$version"-*_"$arch".deb; do dpkg-deb -x "$deb" "$cache/$version-$arch"; done
  done
done
