#!/usr/bin/env bash
# Mutation testing: gremlins changes the code, one operator at a time, and the tests must go
# red. Prints the mutants that lived and fails if fewer than 95 % are killed.
# usage: mutation.sh core|all WORKERS
#
#   core  the breaker's machine and the rolling window (some minutes)
#   all   the root package and internal/window (half an hour on 2 idle cores)
#
# The tests run in a copy that has only these packages, without optimizations, and without
# the tests that ask about pages and Examples: that halves the time a mutant takes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

what=$1
workers=$2
gremlins=$PWD/.tmp/bin/gremlins
report=$PWD/.tmp/mutation-$what.json
make -s "$gremlins"

copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
mkdir -p "$copy/internal"
cp -r ./*.go go.mod go.sum testdata "$copy"
cp -r internal/window internal/explore internal/model "$copy/internal"
cp -r lastgood "$copy" # which tests of the root package use
cd "$copy"
rm -f example_*_test.go docs_*test.go readme_test.go allocs_test.go breaker_spin_test.go

exclude=(-E '^(internal/explore|lastgood)/')
name="the root package and internal/window"
if [ "$what" = core ]; then
	name="the breaker and the rolling window"
	exclude+=(-E '^internal/window/(dist|histogram|stripes)\.go$')
	for file in *.go; do
		case $file in
		*_test.go | breaker.go) ;;
		*) exclude+=(-E "^${file/./\\.}\$") ;;
		esac
	done
fi

# Tests that measure the heap go red on a busy machine for reasons of their own; those that
# build a program or start a process take longer than all others together.
export GOFLAGS="-buildvcs=false -count=1 -vet=off '-gcflags=-N -l' '-ldflags=-s -w' -skip=^(TestJ06|TestM02|TestNothingRemains|TestRootNeeds)"
# Once without a mutant: they must be green, and what gremlins takes for their time must not
# have the compiler's in it. The coefficient makes room for a machine with other things to
# do: what times out is neither killed nor alive.
go test -cover -coverprofile "$copy/coverage" ./... >"$report.log" 2>&1 || { tail -n 40 "$report.log"; exit 1; }
"$gremlins" unleash . --workers "$workers" --timeout-coefficient 6 \
	"${exclude[@]}" -o "$report" >"$report.log" 2>&1 || { tail -n 40 "$report.log"; exit 1; }
grep -E 'LIVED' "$report.log" || true

field() { grep -oE "\"$1\":[0-9.]+" "$report" | head -n 1 | cut -d : -f 2; }
killed=$(field mutants_killed)
lived=$(field mutants_lived)
timed=$(grep -c 'TIMED OUT' "$report.log" || true)
bare=$(field mutants_not_covered)
efficacy=$(awk "BEGIN { printf \"%.1f\", $killed * 100 / ($killed + $lived) }")
echo "$killed killed, $lived lived, $timed ran into the time limit, ${bare:-0} in statements that no test reaches"
echo "mutation: $name: $efficacy % of $((killed + lived)) mutants killed"
awk "BEGIN { exit $efficacy < 95 }"
