#!/usr/bin/env bash
# Prints the statement coverage of the root package by its own tests and fails below the
# floor. usage: cover.sh FLOOR
set -euo pipefail

floor=$1
profile=.tmp/cover.out
mkdir -p .tmp
go test -short -coverprofile="$profile.all" .
# The points of internal/explore stand in blocks that only its build tag compiles: they are
# no statements of the library. awk drops the blocks that begin on such a line.
grep -n 'if explore\.On {' ./*.go | awk -F '[:/]' '{ print $2 ":" $3 }' >"$profile.points" || true
awk 'NR == FNR { point[$1]; next }
	{ n = split($1, path, "/"); split(path[n], at, "."); if (!(at[1] "." at[2] in point)) print }' \
	"$profile.points" "$profile.all" >"$profile"
total=$(go tool cover -func="$profile" | awk '$1 == "total:" { print $NF + 0 }')
if awk "BEGIN { exit !($total < $floor) }"; then
	echo "The root package's tests cover $total % of its statements; the floor is $floor %. The least covered:"
	go tool cover -func="$profile" | awk '$1 != "total:" && $NF + 0 < 100 { print $NF, $1, $2 }' | sort -n | head -20
	exit 1
fi
echo "The root package's tests cover $total % of its statements (floor: $floor %)."
