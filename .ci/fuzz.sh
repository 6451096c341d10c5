#!/usr/bin/env bash
# Runs every fuzz target of the given modules for the given time, one after the other. The
# tests of a package are compiled once. A target that does not get beyond what it begins with
# fails: it tried nothing new.
# usage: [FUZZ_WORKERS=N] fuzz.sh FUZZTIME MODULE...   (N: as many as there are processors)
set -euo pipefail

time=$1
workers=${FUZZ_WORKERS:-$(getconf _NPROCESSORS_ONLN)}
shift
programs=$(mktemp -d)
trap 'rm -rf "$programs"' EXIT
cache=$(go env GOCACHE)/fuzz
number() { grep -oE "$1" "$programs/said" | tail -1 | grep -oE '[0-9]+' || echo 0; }
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
			(cd "$dir" && "$program" -test.paniconexit0 -test.run '^$' -test.fuzz "^$name\$" -test.fuzztime "$time" -test.parallel "$workers" \
				-test.fuzzcachedir "$cache/$package" 2>&1) | tee "$programs/said"
			execs=$(number 'execs: [0-9]+')
			seeds=$(number 'gathering baseline coverage: [0-9]+')
			fresh=$((execs - seeds)) # the seeds, and what is kept of earlier runs, are counted with the rest
			if ((fresh <= 0)); then
				echo "fuzz.sh: $name tried nothing new in $time" >&2
				exit 1
			fi
			ran=$((ran + 1))
			tried=$((tried + fresh))
			if [ -z "$least" ] || ((fresh < least)); then least=$fresh; fi
		done
	done <<<"$packages"
done
if ((ran == 0)); then
	echo "fuzz.sh: no fuzz target in: $*" >&2
	exit 1
fi
echo "$ran fuzz targets ran for $time each: $tried new inputs, at least $least each"
