# The sandbox: the program on an emulated AWS. Included by the Makefile, whose `setup` makes .venv.
# STACK=adopt chooses the stack that adopts a cluster made outside Pulumi. CHART=... is a folder or URL of another chart.
# AUTOSCALER=1 installs Cluster Autoscaler with Helm on the cluster of sandbox-cluster.

STACK ?= sandbox
SANDBOX := .venv/bin/python -m sandbox

.PHONY: sandbox sandbox-cluster sandbox-tools sandbox-preview sandbox-shell sandbox-status sandbox-doctor sandbox-down sandbox-clean

sandbox: setup ## Deploy the program in the sandbox. Start here.
	@$(SANDBOX) up --stack $(STACK)

sandbox-cluster: setup ## Create a cluster that no stack has adopted yet.
	@$(SANDBOX) cluster $(if $(AUTOSCALER),--autoscaler)

sandbox-tools: setup ## Build the tools that this machine lacks.
	@$(SANDBOX) tools

sandbox-preview: setup ## Preview what local edits change in the sandbox.
	@$(SANDBOX) preview --stack $(STACK)

sandbox-shell: setup ## Open a shell for pulumi, kubectl, helm and aws.
	@$(SANDBOX) shell --stack $(STACK)

sandbox-status: setup ## Show what runs.
	@$(SANDBOX) status

sandbox-doctor: setup ## Check the sandbox with the doctor.
	@$(SANDBOX) doctor --stack $(STACK)

sandbox-down: setup ## Destroy the stacks and stop everything.
	@$(SANDBOX) down

sandbox-clean: setup ## Stop everything and remove the state.
	@$(SANDBOX) clean
