#!/usr/bin/env bash
# What a change did to the benchmarks of the root package and of internal/window: those of BASE
# (a revision, checked out beside) against those of the working tree, in turns, so that a busy
# moment of the machine falls on both. usage: bench/compare.sh BASE [RUNS [REGEXP]]
# The environment may name other packages (PACKAGES) and a time for each benchmark (BENCHTIME).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

base=${1:?usage: bench/compare.sh BASE [RUNS [REGEXP]]}
runs=${2:-10}
what=${3:-.}
time=${BENCHTIME:-100ms}
read -ra packages <<<"${PACKAGES:-. ./internal/window}"
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

# build NAME PACKAGE makes $out/NAME.base and $out/NAME.work. The same benchmarks on both sides:
# the working tree's, if they compile there.
build() {
	local name=$1 package=$2
	if [ ! -d "$tree/$package" ]; then
		echo "bench-compare: $base has no $package, which is left out"
		return 1
	fi
	cp "$package/bench_test.go" "$tree/$package/bench_test.go"
	if ! (cd "$tree" && go test -c -o "$out/$name.base" "$package") >"$out/$name.log" 2>&1; then
		rm "$tree/$package/bench_test.go"
		git -C "$tree" checkout --quiet -- "$package" 2>/dev/null || true
		if [ ! -f "$tree/$package/bench_test.go" ]; then
			echo "bench-compare: the benchmarks of $package do not compile with $base, which has none; left out:"
			cat "$out/$name.log"
			return 1
		fi
		echo "bench-compare: the working tree's benchmarks of $package do not compile with $base; its own are used"
		(cd "$tree" && go test -c -o "$out/$name.base" "$package") || return 1
	fi
	go test -c -o "$out/$name.work" "$package" || return 1
}

names=()
for package in "${packages[@]}"; do
	name=$(basename "$(realpath "$package")")
	if build "$name" "$package" >&2; then
		names+=("$name:$package")
	fi
done
if [ ${#names[@]} -eq 0 ]; then
	echo "bench-compare: there is nothing to compare" >&2
	exit 1
fi

for ((i = 1; i <= runs; i++)); do
	for entry in "${names[@]}"; do
		name=${entry%%:*} package=${entry#*:}
		for side in base work; do
			printf '\rrun %d of %d, %s of %s ' "$i" "$runs" "$package" "$side" >&2
			(cd "$package" && "$out/$name.$side" -test.run '^$' -test.bench "$what" -test.benchtime "$time" -test.cpu 1,2) \
				>>"$out/$side.txt"
		done
	done
done
printf '\r%-50s\n' "" >&2
go -C bench tool benchstat "${base//\//-}=$out/base.txt" "work=$out/work.txt"
