# The sandbox: the program against an embedded cloud. Included by the Makefile, whose `setup` makes .venv.
# STACK=adopt chooses the stack that adopts a cluster made outside Pulumi. CHART=... is a folder or URL of another chart.

STACK ?= sandbox
SANDBOX := .venv/bin/python -m sandbox

.PHONY: sandbox sandbox-tools sandbox-preview sandbox-shell sandbox-status sandbox-doctor sandbox-down sandbox-clean

sandbox: setup ## Deploy the program in the sandbox and leave it open to look at
	@$(SANDBOX) up --stack $(STACK)

sandbox-tools: setup ## Build the tools that this machine lacks (once; the tests of the sandbox need them)
	@$(SANDBOX) tools

sandbox-preview: setup ## What the edits at hand would change there
	@$(SANDBOX) preview --stack $(STACK)

sandbox-shell: setup ## A shell in which plain pulumi, kubectl, helm and aws work on it
	@$(SANDBOX) shell --stack $(STACK)

sandbox-status: setup ## What runs
	@$(SANDBOX) status

sandbox-doctor: setup ## Check every link of the chain there
	@$(SANDBOX) doctor --stack $(STACK)

sandbox-down: setup ## Destroy the stacks, then stop everything
	@$(SANDBOX) down

sandbox-clean: setup ## Stop everything and forget it
	@$(SANDBOX) clean
