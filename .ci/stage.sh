#!/usr/bin/env bash
# One stage of CI, by its name; .ci/run says which there are. usage: stage.sh NAME
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# Tests whose skip is no fault, by name, as a regular expression.
# The history is not there where CI clones no more than a commit.
may_skip='^TestEveryFaultFoundNamesTheCommitThatPutItRight$'

nested() {
	find . -mindepth 2 -name go.mod -not -path './tools/*' -not -path './.tmp/*' \
		-not -path '*/node_modules/*' -not -path '*/testdata/*' -printf '%h\n' | sort
}

# no_skips runs go test -v in a module with the given arguments, prints its summary lines,
# and fails when a test failed or skipped: everything that tests could want is there.
no_skips() { # module, argument...
	local log module=$1
	shift
	mkdir -p .tmp/ci
	log=$(mktemp .tmp/ci/verbose.XXXXXX)
	if ! go test -C "$module" -v "$@" >"$log" 2>&1; then
		grep -vE '^(=== |PASS$)|^ *--- PASS' "$log" | tail -n 300
		return 1
	fi
	grep -E '^ok\s' "$log" || true
	echo "$(grep -cE '^ *--- PASS' "$log") passed, 0 failed, $(grep -cE '^ *--- SKIP' "$log") skipped"
	if awk '/^ *--- SKIP/ { print $3 }' "$log" | grep -qvE "$may_skip"; then
		echo "These tests skipped, though everything that they could want is there:"
		grep -B 2 -E '^ *--- SKIP' "$log" | grep -v '^=== ' | head -n 60
		return 1
	fi
}

case $1 in
# The browser, promtool and the linter; nothing is fetched that is there already.
deps) make deps ;;

# The one command that the README gives, with -v to see what skips: with everything there that
# a test could want, none may.
test) no_skips . ./... ;;

# Each nested module; there, too, no test may skip.
nested)
	found=0
	for module in $(nested); do
		found=1
		echo "$module"
		no_skips "$module" ./...
	done
	((found)) || echo "no nested module yet"
	;;

race) make race ;;
vet) make vet ;;
lint) make lint ;;
format) make fmt-check ;;
tidy) make tidy-check ;;
32bit) make test-32bit ;;

coverage) make cover ;;

# The tests of real programs that use hystrix-go, on quill by one line in their go.mod.
dropin) make dropin ;;

# What proves the library reliable, as much of it as a minute holds; `make reliability` has
# the rest.
reliability) go run ./internal/reliability -fast ;;

# The demo from end to end; it fails when a lesson's figures do not bear out its claim.
story)
	if [ -e examples/moviecatalog/main.go ]; then
		make story
	else
		echo "no demo yet"
	fi
	;;

*)
	echo "there is no stage $1" >&2
	exit 2
	;;
esac
