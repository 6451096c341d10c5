#!/usr/bin/env bash
# What a change did to the root package's benchmarks: those of BASE (a revision, checked out
# beside) against those of the working tree, in turns, so that a busy moment of the machine
# falls on both. usage: bench/compare.sh BASE [RUNS [REGEXP]]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

base=${1:?usage: bench/compare.sh BASE [RUNS [REGEXP]]}
runs=${2:-10}
what=${3:-.}
time=${BENCHTIME:-100ms}
out=$PWD/.tmp/bench/compare
tree=$out/tree

revision=$(git rev-parse --verify --quiet "$base^{commit}") || {
	echo "bench-compare: there is no revision $base" >&2
	exit 2
}
rm -rf "$out"
mkdir -p "$out"
git worktree add --quiet --detach --force "$tree" "$revision"
trap 'git worktree remove --force "$tree"' EXIT

# The same benchmarks on both sides: the working tree's, if they compile there.
cp bench_test.go "$tree/bench_test.go"
if ! (cd "$tree" && go test -c -o "$out/base.test" .) 2>"$out/build.log"; then
	echo "bench-compare: the benchmarks of the working tree do not compile with $base; its own are used"
	git -C "$tree" checkout --quiet -- . || true
	if [ -z "$(git -C "$tree" ls-files bench_test.go)" ]; then
		cat "$out/build.log" >&2
		exit 1
	fi
	(cd "$tree" && go test -c -o "$out/base.test" .)
fi
go test -c -o "$out/work.test" .

for ((i = 1; i <= runs; i++)); do
	for side in base work; do
		printf '\rrun %d of %d, %s ' "$i" "$runs" "$side" >&2
		"$out/$side.test" -test.run '^$' -test.bench "$what" -test.benchtime "$time" -test.cpu 1,2 >>"$out/$side.txt"
	done
done
printf '\r%-30s\n' "" >&2
go -C bench tool benchstat "${base//\//-}=$out/base.txt" "work=$out/work.txt"
