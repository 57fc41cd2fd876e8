# Tools in exact versions, run through the Go toolchain: nothing is installed.
GOLANGCI := go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.12.2

# How long `make chaos` gives each fuzz target.
FUZZTIME ?= 60s

# The AAC encoder's search with AVX2 or NEON where the CPU has it: the same bytes for a quarter less CPU.
TAGS ?= goaac_simd

.PHONY: test lint unit build web e2e bench chaos deps clean

# Everything that a change must pass.
test: deps lint unit web e2e

# The product: static, without a C compiler.
build:
	CGO_ENABLED=0 go build -trimpath -tags '$(TAGS)' -ldflags '-s -w' -o bin/weir ./cmd/weir

lint:
	@test -z "$$(gofmt -l $$(git ls-files '*.go'))" || { gofmt -d $$(git ls-files '*.go'); exit 1; }
	go vet ./... ./testdata
	CGO_ENABLED=0 go vet -tags nolgpl ./...
	$(GOLANGCI) run ./...

unit:
	go test -race -timeout 20m ./... # media in real time, on machines that may be busy
	CGO_ENABLED=0 go test -tags '$(TAGS)' ./mux/transcode/...
	CGO_ENABLED=0 go test -tags nolgpl ./mux/transcode/... ./room/live/ ./cmd/...

# The committed pages must be the build of their source.
web: web/node_modules
	cd web && npm run check && npm test && npm run build
	@test -z "$$(git status --porcelain web/dist)" || { git status web/dist; echo "web/dist is not the build of web/: commit it"; exit 1; }

web/node_modules: web/package-lock.json
	cd web && npm ci --no-audit --no-fund
	@touch $@

# Real Chromium against the real binary.
e2e: build web/node_modules
	cd web && WEIR_BIN=$(CURDIR)/bin/weir npm run e2e

bench:
	go test -run '^$$' -bench . -benchmem ./...

# The long runs.
chaos:
	.ci/fuzz $(FUZZTIME)
	go test -race -tags chaos -run '^Test(Chaos|LossyUplink|BadUplink|LossyGStreamer|Flood|Mutants|IdlePosts|Churn)' -timeout 60m ./...

# Debian packages that the tests need and this machine lacks.
deps:
	.ci/deps

clean:
	rm -rf bin web/node_modules
