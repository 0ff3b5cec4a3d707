# Copyright The Panoply Authors.
# SPDX-License-Identifier: Apache-2.0

MODULES := . nosql/mongoquery redisstore guard audit/tsgo audit cmd/panoply demo e2e bench
# Nothing needs cgo but the race detector; the database of demo and e2e is
# large enough that racing it says more about the machine than about Panoply.
RACED := . nosql/mongoquery redisstore guard audit cmd/panoply
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
FUZZTIME ?= 30s
# How long requests are held against real Node parsers; hours are well spent.
DIFFTIME ?= 10m
# How long the guard is under mixed load, in the tests and by itself.
SOAKTIME ?= 1m

.PHONY: demo test setup lint fuzz soak bench tidy

demo: ## before and after, on an embedded database; Ctrl-C ends it
	go run ./demo

test: setup ## every module's tests, each on its own as a user would build it
	@set -e; for m in $(MODULES); do \
	  race=; case " $(RACED) " in *" $$m "*) race=-race;; esac; \
	  echo "== test $$m $$race"; (cd $$m && PANOPLY_SOAK=$(SOAKTIME) GOWORK=off go test -count=1 $$race -timeout 20m $$(GOWORK=off go list ./... | grep -v /differential$$)); \
	done
	@echo "== requests against Node's own parsers"
	cd e2e/differential && GOWORK=off go test -count=1 -v -timeout 20m .

setup: ## what the end-to-end tests need, as far as it can be had here
	@bash e2e/setup.sh

lint: ## gofmt, vet and staticcheck over every module
	@out=$$(gofmt -l . | sort -u); if [ -n "$$out" ]; then echo "not gofmt-clean:"; echo "$$out"; exit 1; fi
	@set -e; for m in $(MODULES); do \
	  echo "== lint $$m"; (cd $$m && GOWORK=off go vet ./... && GOWORK=off go run $(STATICCHECK) ./...); \
	done

fuzz: ## every fuzz target for FUZZTIME, and requests against Node's parsers for DIFFTIME
	@set -e; for m in $(MODULES); do (cd $$m; \
	  for p in $$(GOWORK=off go list -f '{{.Dir}}' ./...); do \
	    for f in $$(grep -ho 'func Fuzz[A-Za-z0-9_]*' $$p/*_test.go 2>/dev/null | cut -d' ' -f2); do \
	      echo "== fuzz $$f"; (cd $$p && GOWORK=off go test -run '^$$' -fuzz "^$$f$$" -fuzztime $(FUZZTIME) .); \
	    done; done); done
	cd e2e/differential && GOWORK=off go test -count=1 -timeout 0 -v -run 'NodeSees|NodeReads' . -least $(DIFFTIME) -reached 50000 -seed $$(date +%s)

soak: SOAKTIME = 20m
soak: ## the guard under mixed load for SOAKTIME: memory and goroutines stay as they are
	cd guard && PANOPLY_SOAK=$(SOAKTIME) GOWORK=off go test -count=1 -v -timeout 0 -run '^TestSoak$$' .

bench: ## the guard beside a bare proxy and readings beside other libraries, as ratios of one run
	cd bench && GOWORK=off go run .

tidy:
	@for m in $(MODULES); do (cd $$m && GOWORK=off go mod tidy); done
