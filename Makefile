.DEFAULT_GOAL := help

# The lab's command. It compiles in seconds, with the flags of the exporter, so that both share Go's build cache; what it compiles takes minutes the first time, and it says so.
LAB = .lab/bin/lab

.PHONY: $(LAB)
$(LAB):
	@test -x $@ || echo "compiling the lab's command, which takes half a minute the first time"
	@CGO_ENABLED=0 go build -trimpath -buildvcs=false -o $@ ./lab/cmd/lab

## demo: run the exporter, a real Kubernetes API server and a real Vault on loopback, simulated ones until those are compiled; PROMETHEUS=1 adds Prometheus and Alertmanager; Ctrl-C stops it
.PHONY: demo
demo: $(LAB)
	@$(LAB) demo $(if $(PROMETHEUS),--prometheus)

## fault: break something in the running lab, e.g. make fault NAME=reviewer_forbidden; without NAME, list the faults
.PHONY: fault
fault: $(LAB)
	@$(LAB) fault $(NAME)

## heal: undo all faults in the running lab
.PHONY: heal
heal: $(LAB)
	@$(LAB) heal

## lab: run the two servers without the exporter, and print the EXPORTER_* variables for it
.PHONY: lab
lab: $(LAB)
	@$(LAB) up

# The race detector needs a C compiler. Without one the tests run without it, except in CI, where make fails.
RACE := $(if $(shell command -v $${CC:-cc}),-race)
ifeq ($(RACE)$(CI),true)
$(error no C compiler was found, which the race detector needs: install gcc)
endif

# The packages whose tests do not need the lab's servers. Each takes seconds.
FAST := ./bench ./cmd/... ./dashboards/... ./deploy/mixin ./docs/... ./internal/... ./metrics/... ./probe/...

## test: run every check and every test, including the exporter against the real servers; the first run compiles for minutes
.PHONY: test
test: vet lint unit fuzz page-test chart-test release-test lab-test rules-test e2e

.PHONY: vet
vet:
	@echo "== vet"
	@test -z "$$(gofmt -l bench cmd dashboards deploy docs e2e internal lab metrics probe tools)" || { echo "not formatted:"; gofmt -l bench cmd dashboards deploy docs e2e internal lab metrics probe tools; exit 1; }
	go vet ./...

## lint: run staticcheck
.PHONY: lint
lint:
	@echo "== staticcheck"
	go tool -modfile=tools/go.mod staticcheck ./...

## vulncheck: look for known vulnerabilities in the code that the exporter reaches; needs vuln.go.dev
.PHONY: vulncheck
vulncheck:
	go tool -modfile=tools/go.mod govulncheck ./cmd/...

## unit: run the tests with fake servers
.PHONY: unit
unit:
	@echo "== unit tests$(if $(RACE),, (no C compiler was found: without the race detector))"
	go test $(RACE) -timeout=20m $(FAST)
	go test -run=NothingLeaks ./cmd/exporter -every-form

FUZZTIME ?= 20s

## fuzz: fuzz each target for FUZZTIME (20s), one on each core
.PHONY: fuzz
fuzz:
	@echo "== fuzzing, each target for $(FUZZTIME)"
	@.ci/fuzz $(FUZZTIME) $(FAST)

# A separate module. axe-core is only downloaded if there is a browser to run it in.
PAGE = internal/status/browser

## page-test: test the status page in a real browser, and its JSON against the schema
.PHONY: page-test
page-test:
	@echo "== the status page"
	@if command -v chromium >/dev/null && command -v npm >/dev/null; then cd $(PAGE) && npm ci --silent --no-audit --no-fund; fi
	cd $(PAGE) && go vet ./... && go test -count=1 ./...

# A separate module.
CHART = deploy/test

## chart-test: test what the chart and kustomize render, and what the chart rejects
.PHONY: chart-test
chart-test:
	@echo "== the chart (the first time compiles Helm for minutes)"
	cd $(CHART) && go vet ./... && go test -count=1 ./...

# A separate module.
RELEASE = tools/release

## release-test: test what the Dockerfile builds, and the configuration of releases and workflows
.PHONY: release-test
release-test:
	@echo "== the release (the first time compiles goreleaser for minutes)"
	@go tool -modfile=tools/goreleaser/go.mod goreleaser --version >/dev/null
	cd $(RELEASE) && go vet ./... && go test -timeout=20m -count=1 ./...

# deploy/mixin/render.jsonnet names the files.
## mixin: render the rules, their tests and the dashboards from deploy/mixin; make chart copies them into the chart
.PHONY: mixin
mixin:
	go tool -modfile=tools/go.mod jsonnet -S -m . deploy/mixin/render.jsonnet

## chart: copy the rules and dashboards into the chart, and list its values in its README
.PHONY: chart
chart:
	cd $(CHART) && go test -count=1 -run='Copies|README' . -update

## kustomize: render deploy/kustomize from the chart
.PHONY: kustomize
kustomize:
	cd $(CHART) && go test -count=1 -run=Kustomize . -update

## screenshots: recreate the screenshots of the status page in docs/images
.PHONY: screenshots
screenshots:
	@mkdir -p docs/images
	cd $(PAGE) && go test -count=1 -run=Screenshots . -screenshots=$(CURDIR)/docs/images

# Compiles the servers before the tests, because go test would hide the progress.
.PHONY: servers
servers: $(LAB)
	@echo "== the lab's servers"
	@$(LAB) build

## lab-test: test the lab itself, and each of its faults against the real servers
.PHONY: lab-test
lab-test: servers
	@echo "== the lab"
	go test $(RACE) -timeout=15m ./lab/...

# Checks which receiver an alert is routed to.
ROUTE = .lab/bin/amtool-* config routes test --config.file=deploy/prometheus/alertmanager.yaml --verify.receivers

## rules-test: test the alerts and the route with promtool and amtool
.PHONY: rules-test
rules-test: servers
	@echo "== the alerts"
	@.lab/bin/promtool-* check rules deploy/prometheus/rules.yaml
	@.lab/bin/promtool-* test rules deploy/prometheus/tests.yaml deploy/prometheus/tests.outages.yaml
	@.lab/bin/amtool-* check-config deploy/prometheus/alertmanager.yaml
	@$(ROUTE)=pager alertname=VaultK8sAuthLoginFailing severity=critical component=vault
	@$(ROUTE)=pager alertname=VaultK8sAuthLoginFailing severity=critical component=kubernetes
	@$(ROUTE)=pager alertname=VaultK8sAuthLoginFailing severity=critical component=role
	@$(ROUTE)=pager alertname=VaultK8sAuthErrorBudgetBurn severity=critical
	@$(ROUTE)=security alertname=VaultK8sAuthForgedTokenAccepted severity=critical category=security
	@$(ROUTE)=tickets alertname=VaultK8sAuthErrorBudgetBurn severity=warning
	@$(ROUTE)=tickets alertname=VaultK8sAuthCanaryFailing severity=warning component=canary

## e2e: test the exporter against every fault of the lab, and for two minutes against faults in any order
.PHONY: e2e
e2e: servers
	@echo "== the exporter against the lab (some minutes)"
	E2E_MATRIX=$(CURDIR)/.lab/matrix.txt go test $(RACE) -timeout=60m -count=1 -p=1 -parallel=4 ./e2e/...
	@cat .lab/matrix.txt
	cd $(CHART) && go test -timeout=15m -count=1 -run='Admit|Suffice|Leads|Setup' . -lab
	@if command -v chromium >/dev/null; then cd $(PAGE) && go test -count=1 -run=FaultShows . -lab; fi

## matrix: inject every fault at every supported version of the servers, and write the table of docs/versions.md; takes an hour or two; INSTALLATION='plugin|HTTP' runs a part
.PHONY: matrix
matrix: servers
	go test -timeout=6h -count=1 -parallel=4 ./e2e -run='TestFaultsInOtherInstallations/($(INSTALLATION))' -matrix

## bench: compare the cost of a probe with a bare net/http program that sends the same requests, and with blackbox_exporter; measure the curve
.PHONY: bench
bench: curve
	go test ./bench -run='^$$' -bench='Probe|Libraries|Bare|Ratio|Sustained' -benchtime=3s -count=3
	go test ./bench -run='^$$' -bench=Peer -benchtime=1x -v

## curve: measure processes of 1 to 5 000 targets for 25 minutes, and draw docs/images/performance.svg
.PHONY: curve
curve:
	go test ./bench -run='^$$' -bench=Process -benchtime=1x -timeout=1h -curve=$(CURDIR)/docs/performance.csv
	go test ./docs -run=Chart -update

## bench-soak: run 1 000 targets for five minutes, then five more with a Vault that hangs
.PHONY: bench-soak
bench-soak:
	go test ./bench -run='^$$' -bench=Soak -benchtime=1x -timeout=20m

# What a soak draws its steps from. Another seed each time, unless one is given.
SEED ?= $(shell date +%s)

## soak: let things go wrong in any order and judge what the exporter says; DURATION=30m SEED=7, or STEPS="…" to repeat a failure
.PHONY: soak
soak: servers
	go test -timeout=24h -count=1 -v -run=TestSoak ./e2e/soak -soak.duration=$(or $(DURATION),30m) -soak.seed=$(SEED) $(if $(STEPS),-soak.steps='$(STEPS)')

## base-images: write the digests of the base images into the Dockerfile; needs docker, and access to the registries
.PHONY: base-images
base-images:
	@awk '/^FROM/ {for (i = 2; i <= NF; i++) if ($$i !~ /^--/) {sub(/@.*/, "", $$i); print $$i; next}}' Dockerfile | while read -r image; do \
	  digest=$$(docker buildx imagetools inspect "$$image" --format '{{.Manifest.Digest}}') || exit 1; \
	  sed -i -E "s|$$image(@sha256:[0-9a-f]+)?|$$image@$$digest|" Dockerfile; echo "$$image@$$digest"; done

## build: compile the exporter into bin/
.PHONY: build
build:
	CGO_ENABLED=0 go build -trimpath -o bin/exporter ./cmd/exporter

## help: print this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): /  \1\t/p' $(MAKEFILE_LIST) | expand -t 16
