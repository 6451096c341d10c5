#!/usr/bin/env bash
# Installs what the tests with real components want and is not there yet: a browser,
# Prometheus with its promtool, the model checker spin and the compiler it wants, npm, as packages of Debian; and
# with npm the original Hystrix dashboard. Tests that need one of them skip without it, so
# this is for CI and for whoever wants them to run.
set -euo pipefail

# The command that a test looks for, and the package that brings it. Prometheus is held at
# the release that the tests were written against; Debian keeps only the newest browser.
wanted=("chromium chromium" "promtool prometheus=2.42.*" "spin spin" "gcc gcc" "npm npm")

missing=()
for w in "${wanted[@]}"; do
	read -r command package <<<"$w"
	command -v "$command" >/dev/null || missing+=("$package")
done
if ((${#missing[@]})); then
	if ! command -v apt-get >/dev/null; then
		echo "deps: ${missing[*]} is missing and there is no apt-get here: install it by hand, or let its tests skip" >&2
		exit 1
	fi
	sudo=()
	if ((EUID)); then sudo=(sudo); fi
	# A package may start its server when it is installed; only its tools are wanted here.
	policy=/usr/sbin/policy-rc.d
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | "${sudo[@]}" tee $policy >/dev/null
		"${sudo[@]}" chmod +x $policy
		trap '"${sudo[@]}" rm -f $policy' EXIT
	fi
	install() { "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null; }
	"${sudo[@]}" apt-get update -qq
	if ! install fonts-liberation "${missing[@]}"; then
		echo "deps: the pinned release is not in this Debian: taking the newest of ${missing[*]%%=*}"
		install fonts-liberation "${missing[@]%%=*}"
	fi
fi

# What npm has, by its lock file, where the file is newer than what was installed by it.
for module in internal/dashboardtest quillstream/ui; do
	installed=$module/node_modules/.package-lock.json
	if [ ! -e "$installed" ] || [ "$module/package-lock.json" -nt "$installed" ]; then
		npm --prefix "$module" ci --ignore-scripts --no-audit --no-fund --loglevel=error
		touch "$installed"
	fi
done

chromium --version 2>/dev/null
promtool --version 2>&1 | head -n 1
go version
