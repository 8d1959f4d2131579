.DEFAULT_GOAL := help

# The lab's own command. It compiles in seconds; what it starts takes minutes the first time, and says so.
LAB = .lab/bin/lab

.PHONY: $(LAB)
$(LAB):
	@test -x $@ || echo "compiling the lab's own command, which takes half a minute the first time"
	@go build -o $@ ./lab/cmd/lab

## demo: a real Kubernetes API server, a real Vault and the exporter, on loopback; Ctrl-C ends it
.PHONY: demo
demo: $(LAB)
	@$(LAB) demo

## fault: break something in the running lab: make fault NAME=reviewer_forbidden; without NAME: what there is
.PHONY: fault
fault: $(LAB)
	@$(LAB) fault $(NAME)

## heal: mend everything in the running lab
.PHONY: heal
heal: $(LAB)
	@$(LAB) heal

## lab: the two servers without the exporter, with the EXPORTER_* variables to use
.PHONY: lab
lab: $(LAB)
	@$(LAB) up

## help: this list
.PHONY: help
help:
	@sed -n 's/^## \([a-z-]*\): /  \1\t/p' $(MAKEFILE_LIST) | expand -t 12
