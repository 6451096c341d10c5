#!/usr/bin/env bash
# Runs every fuzz target of the given modules for the given time, one after the other. The
# tests of a package are compiled once. A target that does not get beyond what it begins with
# fails: it tried nothing.
# usage: [FUZZ_WORKERS=N] fuzz.sh FUZZTIME MODULE...   (N: as many as there are processors)
set -euo pipefail

time=$1
workers=${FUZZ_WORKERS:-$(getconf _NPROCESSORS_ONLN)}
shift
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
cache=$(go env GOCACHE)/fuzz
ran=0
tried=0
least=
for module in "$@"; do
	packages=$(cd "$module" && go list -f '{{.ImportPath}} {{.Dir}}' ./...)
	while read -r package dir; do
		# shellcheck disable=SC2013 # names have no spaces
		for name in $(cat "$dir"/*_test.go 2>/dev/null | grep -oE '^func Fuzz[A-Z]\w*' | cut -c6-); do
			echo "$dir: $name"
			program=$programs/${package//\//_}.test
			[ -e "$program" ] || (cd "$dir" && go test -c -vet=off -fuzz Fuzz -o "$program" .)
			(cd "$dir" && "$program" -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$time" -test.parallel "$workers" \
				-test.fuzzcachedir "$cache/$package" 2>&1) | tee "$programs/said"
			execs=$(grep -oE "execs: [0-9]+" "$programs/said" | tail -1 | cut -d" " -f2 || true)
			if ((${execs:-0} == 0)); then
				echo "fuzz.sh: $name tried nothing in $time" >&2
				exit 1
			fi
			ran=$((ran + 1))
			tried=$((tried + execs))
			if [ -z "$least" ] || ((execs < least)); then least=$execs; fi
		done
	done <<<"$packages"
done
if ((ran == 0)); then
	echo "fuzz.sh: no fuzz target in: $*" >&2
	exit 1
fi
echo "$ran fuzz targets ran for $time each: $tried inputs, at least $least each"
