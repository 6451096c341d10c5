#!/usr/bin/env bash
# Runs the core's tests where words have 32 bits: alignment of atomics, width of int. Some
# kernels run no 32-bit programs: there the tests are compiled and vetted only, and a sentence
# says so.
set -euo pipefail
export GOARCH=386 CGO_ENABLED=0
packages=(. ./internal/window ./internal/soak ./regressions)

go vet . ./internal/...
mkdir -p .tmp
probe=$(mktemp -d .tmp/32bit.XXXXXX)
trap 'rm -rf "$probe"' EXIT
printf 'package main\n\nfunc main() {}\n' >"$probe/main.go"
go build -o "$probe/probe" "$probe/main.go"
if "$probe/probe" 2>/dev/null; then
	go test -short "${packages[@]}"
	exit
fi
for package in "${packages[@]}"; do
	go test -c -o "$probe/test" "$package"
	echo "compiled for 32 bits: $package"
done
echo "This kernel runs no 32-bit programs: the tests were compiled and vetted, not run."
