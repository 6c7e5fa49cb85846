# The commands of an operations repository, whose Makefile includes this file: they come with the pinned version.
# Variables: ENVIRONMENT (below inventory/; without it the one of ansible.cfg), APP, ARGS (further words for ansible-playbook).

SHELL := /bin/bash
.DEFAULT_GOAL := help
PRODUCT := django-ec2
# Ansible wants a locale in UTF-8 that is there.
export LC_ALL := C.UTF-8
export PATH := $(CURDIR)/$(PRODUCT)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
# Absolute, as a test may run it where .venv is a link.
PRODUCT_PYTHON := $(CURDIR)/$(PRODUCT)/.venv/bin/python
PLAY = ansible-playbook $(if $(ENVIRONMENT),-i inventory/$(ENVIRONMENT))
WORDS = $(if $(APP),-e app=$(APP)) $(ARGS)

.PHONY: help venv new-app secrets check site deploy rollback releases lab lab-down environment update updated

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

venv: ## Install what Ansible needs into django-ec2/.venv
	@$(MAKE) --no-print-directory -C $(PRODUCT) venv

new-app: venv ## First draft of an application's entry: make new-app SOURCE=../shop ENVIRONMENT=staging
	@PYTHONPATH=$(PRODUCT) $(PRODUCT_PYTHON) -m tools.new_app "$$SOURCE" --operations . --name "$$NAME" --version "$$VERSION" \
	  --deploy-key "$$DEPLOY_KEY" --domain "$$DOMAIN" --environment "$${ENVIRONMENT:?as in 'make new-app ENVIRONMENT=staging'}" \
	  $${PRINT:+--print}

secrets: ## Make the secrets that are missing
	@$(PLAY) $(PRODUCT)/playbooks/secrets.yml $(ARGS)

check: ## Say what site.yml would change, and change nothing
	@$(PLAY) site.yml --check --diff $(ARGS)

site: ## Make every host what the inventory says
	@$(PLAY) site.yml $(ARGS)

deploy: ## Deploy: make deploy ENVIRONMENT=staging APP=shop
	@$(PLAY) $(PRODUCT)/playbooks/deploy.yml $(WORDS)

rollback: ## Take an application back: make rollback ENVIRONMENT=staging APP=shop
	@$(PLAY) $(PRODUCT)/playbooks/rollback.yml $(WORDS)

releases: ## Which releases are where
	@$(PLAY) $(PRODUCT)/playbooks/releases.yml $(WORDS)

lab: ## The environment lab on containers of this machine
	@[ -d inventory/lab ] || { echo "make lab: there is no inventory/lab: make environment NAME=lab" >&2; exit 1; }
	@cd $(PRODUCT) && lab/bootstrap lab && LAB=$(CURDIR)/inventory/lab $(PRODUCT_PYTHON) -m lab hosts
	@ansible-playbook -i inventory/lab $(PRODUCT)/playbooks/secrets.yml
	@ansible-playbook -i inventory/lab site.yml
	@cd $(PRODUCT) && LAB=$(CURDIR)/inventory/lab $(PRODUCT_PYTHON) -m lab url

lab-down: ## Remove the lab
	@cd $(PRODUCT) && LAB=$(CURDIR)/inventory/lab $(PRODUCT_PYTHON) -m lab down

environment: venv ## Add an environment: make environment NAME=lab
	@PYTHONPATH=$(PRODUCT) $(PRODUCT_PYTHON) -m tools.new_operations environment . "$${NAME:?as in 'make environment NAME=lab'}"

update: ## Pin another version of the product: make update VERSION=v1.2
	@git -C $(PRODUCT) fetch --quiet --tags origin
	@git -C $(PRODUCT) checkout --quiet --detach \
	  "$$(cd $(PRODUCT) && git rev-parse --verify --quiet "origin/$(or $(VERSION),HEAD)^{commit}" || echo "$(VERSION)")"
	@$(MAKE) --no-print-directory updated

# A make of its own: it reads this file as the new version has it.
updated: venv
	@PYTHONPATH=$(PRODUCT) $(PRODUCT_PYTHON) -m tools.new_operations update .
	@git --no-pager diff --cached --submodule=log
	@echo "Look at it with 'make check', then: git commit"
