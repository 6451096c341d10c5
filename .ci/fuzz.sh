#!/usr/bin/env bash
# Runs every fuzz target of the given modules for the given time, one after the other.
# usage: [FUZZ_WORKERS=N] fuzz.sh FUZZTIME MODULE...   (N: as many as there are processors)
set -euo pipefail

time=$1
workers=${FUZZ_WORKERS:-$(getconf _NPROCESSORS_ONLN)}
shift
ran=0
for module in "$@"; do
	dirs=$(cd "$module" && go list -f '{{.Dir}}' ./...)
	while read -r dir; do
		# shellcheck disable=SC2013 # names have no spaces
		for name in $(cat "$dir"/*_test.go 2>/dev/null | grep -oE '^func Fuzz[A-Z]\w*' | cut -c6-); do
			echo "$dir: $name"
			(cd "$dir" && go test -run '^$' -fuzz "^$name\$" -fuzztime "$time" -parallel "$workers" .)
			ran=$((ran + 1))
		done
	done <<<"$dirs"
done
if ((ran == 0)); then
	echo "fuzz.sh: no fuzz target in: $*" >&2
	exit 1
fi
echo "$ran fuzz targets ran for $time each"
