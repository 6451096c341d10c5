# `make help` lists the targets. `make` is what you run before pushing; `make ci` is exactly
# what CI runs. Nested modules are found by their go.mod, so a new one needs no line here.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := all
MAKEFLAGS += --no-print-directory

# A clone owned by somebody else (a container's) must build as well.
export GOFLAGS ?= -buildvcs=false

BIN := .tmp/bin
MODULES := $(shell find . -name go.mod -not -path './tools/*' -not -path './.tmp/*' \
	-not -path '*/node_modules/*' -not -path '*/testdata/*' -printf '%h\n' | sort)
NESTED := $(filter-out .,$(MODULES))

# Tools have a module of their own, so that the library's go.mod knows none of them; their
# binaries carry their version, so that a new one is built when tools/go.mod changes.
GOLANGCI_VERSION := $(shell awk '$$1 == "github.com/golangci/golangci-lint/v2" { print $$2 }' tools/go.mod)
GOLANGCI := $(BIN)/golangci-lint-$(GOLANGCI_VERSION)
GREMLINS := $(BIN)/gremlins

FUZZTIME ?= 10s
RACE_COUNT ?= 1
COVER_FLOOR ?= 97
DEMO_FLAGS ?=
SABOTAGE_FLAGS ?=
RELIABILITY_FLAGS ?=
WORKERS ?= 2

# each runs a command in every module: $(call each,MODULES,COMMAND)
each = for m in $(1); do echo "$$m: $(strip $(2))"; (cd $$m && $(2)); done

.PHONY: all
all: fmt-check tidy-check vet lint test modules race test-32bit cover ## what you run before pushing

.PHONY: ci
ci: ## exactly what CI runs, from a fresh machine on
	bash .ci/run

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  %-12s %s\n", $$1, $$2 }' Makefile

.PHONY: test
test: ## the tests of the root module
	go test ./...

.PHONY: modules
modules: ## the tests of every nested module
	@if [ -z "$(NESTED)" ]; then echo "no nested module yet"; fi
	@$(call each,$(NESTED),go test ./...)

# Not under the race detector: what runs other programs (a browser, compilers) or plays recordings
# one after the other, and has no data that goroutines share; and what only measures.
NO_RACE_MODULES := %/browsertest ./internal/browser ./internal/dashboardtest ./bench
NO_RACE_PACKAGES := /internal/(apilist|compatgen|conformance|docpage|dropin|mutation|reliability|sabotage)$$

.PHONY: race
race: ## the tests under the race detector, RACE_COUNT times; -short: the largest at a tenth of their scale
	@export GORACE=halt_on_error=1; $(call each,$(filter-out $(NO_RACE_MODULES),$(MODULES)),go test -race -short -count=$(RACE_COUNT) $$(go list ./... | grep -vE '$(NO_RACE_PACKAGES)'))

.PHONY: test-32bit
test-32bit: ## the core's tests where words have 32 bits: alignment of atomics, width of int
	@bash .ci/32bit.sh

.PHONY: vet
vet: ## go vet, every module; and whether what looks at the system compiles for Windows
	@$(call each,$(MODULES),go vet ./...)
	GOOS=windows go build . ./internal/reliability ./internal/sabotage

.PHONY: lint
lint: $(GOLANGCI) ## golangci-lint with .golangci.yml, every module
	@$(call each,$(MODULES),$(CURDIR)/$(GOLANGCI) run --config $(CURDIR)/.golangci.yml ./...)

.PHONY: fmt
fmt: $(GOLANGCI) ## format every Go file
	@$(call each,$(MODULES),$(CURDIR)/$(GOLANGCI) fmt --config $(CURDIR)/.golangci.yml ./...)

.PHONY: fmt-check
fmt-check: ## fail if gofmt would change a file
	@bad=$$(find . \( -name .git -o -name .tmp -o -name node_modules \) -prune -o -name '*.go' -print0 | xargs -0 gofmt -l); \
	if [ -n "$$bad" ]; then echo "not formatted (make fmt):"; echo "$$bad"; exit 1; fi
	@echo "every Go file is formatted"

.PHONY: tidy-check
tidy-check: ## fail if go mod tidy would change a go.mod
	@$(call each,$(MODULES),go mod tidy -diff)

.PHONY: fuzz
fuzz: ## run each fuzz target for FUZZTIME (10s)
	@bash .ci/fuzz.sh $(FUZZTIME) $(MODULES)

.PHONY: cover
cover: ## statement coverage of the root package, with a floor of COVER_FLOOR (97) per cent
	@bash .ci/cover.sh $(COVER_FLOOR)

.PHONY: reliability
reliability: $(GREMLINS) ## all that proves the library reliable, with a scoreboard; WRITE=1 puts it into the docs
	go run ./internal/reliability $(if $(WRITE),-write docs/reliability.md) $(RELIABILITY_FLAGS)

.PHONY: sabotage
sabotage: ## put one-line faults into a copy of the tree: the tests must go red with each
	go run ./internal/sabotage -j $(WORKERS) $(SABOTAGE_FLAGS)

.PHONY: mutation
mutation: $(GREMLINS) ## mutation testing of the root package and internal/window, or of FILES: what is new or lived; FRESH=1 all
	go run ./internal/mutation -j $(WORKERS) $(if $(FRESH),-fresh) $(if $(WRITE),-write docs/reliability.md) $(FILES)

.PHONY: api
api: ## write api/*.txt, the exported surface; a test fails when it is stale
	go run ./internal/apilist

.PHONY: compat
compat: ## write what compat/hystrix-go carries of the library; a test fails when it is stale
	go run ./internal/compatgen

.PHONY: dropin
dropin: ## real programs that use hystrix-go: their own tests on it and on quill, as a table
	go run ./internal/dropin

.PHONY: ui
ui: ## build the dashboard's page from quillstream/ui/src into ui/dist, which is committed
	npm --prefix quillstream/ui ci --ignore-scripts --no-audit --no-fund --loglevel=error
	npm --prefix quillstream/ui run --silent build

.PHONY: pictures
pictures: ## take the docs' pictures of the dashboard anew, with chromium
	go test -C quillstream/browsertest -count=1 -run '^TestPagesOfAWorldAreShownWhole$$' . -args -pictures ../../docs/images

.PHONY: demo
demo: ## start the movie catalog and its control page on http://localhost:8080
	go run ./examples/moviecatalog $(DEMO_FLAGS)

.PHONY: story
story: ## play the seven lessons unattended, with measured figures
	go run ./examples/moviecatalog story $(DEMO_FLAGS)

.PHONY: bench
bench: ## side by side with other libraries: docs/performance.md, within 10 minutes; BENCH_FLAGS
	go -C bench run . -write $(BENCH_FLAGS)

.PHONY: bench-compare
bench-compare: ## the benchmarks of the root package and internal/window against those of the revision BASE (HEAD)
	@bash bench/compare.sh "$(or $(BASE),HEAD)" "$(or $(RUNS),10)" "$(or $(BENCH),.)"

.PHONY: deps
deps: ## install what the tests want beside Go: chromium, promtool, spin, npm's dashboard, the linter
	@$(MAKE) -j2 programs tools

.PHONY: programs
programs:
	bash .ci/deps.sh

.PHONY: tools
tools: $(GOLANGCI) ## build the pinned tools into .tmp/bin

$(GOLANGCI): tools/go.mod
	@mkdir -p $(BIN)
	@echo "building golangci-lint $(GOLANGCI_VERSION) (about two minutes the first time)"
	@go build -C tools -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint 2>&1 | \
		{ grep -v '^go: downloading' || true; }
	@touch $@

$(GREMLINS): tools/gremlins/go.mod
	@mkdir -p $(BIN)
	@go build -C tools/gremlins -o $(CURDIR)/$@ github.com/go-gremlins/gremlins/cmd/gremlins 2>&1 | \
		{ grep -v '^go: downloading' || true; }
	@touch $@

.PHONY: clean
clean: ## remove what these targets made
	rm -rf .tmp coverage.out
