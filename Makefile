# The front door: `make up` runs the sample application on a local lab, `make test` runs every test.
# Variables: LAB_NAME (several labs side by side), LAB_SUITE=trixie|bookworm, LAB_PORT, LAB_SUBNET, LAB (inventory).

# Every path below is seen from here.
ifeq ($(wildcard lab/bootstrap),)
$(error run it in the repository: make -C $(patsubst %/,%,$(dir $(lastword $(MAKEFILE_LIST)))) $(MAKECMDGOALS))
endif

SHELL := /bin/bash
.DEFAULT_GOAL := help
# Ansible wants a locale in UTF-8 that is there. This one is on every Debian, whatever the caller's is.
export LC_ALL := C.UTF-8
export PATH := $(CURDIR)/.venv/bin:$(PATH)
export ANSIBLE_CONFIG := $(CURDIR)/ansible.cfg
PYTHON := .venv/bin/python
# The packages that the tests need beside those of the lab, each with a file that it brings.
TEST_PACKAGES := chromium=/usr/bin/chromium chromium-driver=/usr/bin/chromedriver libnss3-tools=/usr/bin/certutil \
  curl=/usr/bin/curl openssl=/usr/bin/openssl fonts-dejavu-core=/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
# One of the test projects has an npm build; Debian's npm brings hundreds of packages, so one that is there is taken.
TEST_PACKAGES += $(if $(wildcard $(addsuffix /npm,$(subst :, ,$(PATH)))),,npm=/usr/bin/npm)
NEEDS_VENV := [ -x $(PYTHON) ] || { echo "make: there is no lab yet: run 'make up'." >&2; exit 1; }
# What bench-serve needs: the load generator.
BENCH_PACKAGES := wrk=/usr/bin/wrk

.PHONY: help up url down clean ssh remove venv lock lint test test-unit test-role test-stack test-long test-faults test-aws bench-converge bench-serve \
  bench-deploy bench-database audit docs new-app new-operations

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

up: ## Start the lab, run site.yml on it, print the address
	@began=$$SECONDS; lab/bootstrap lab && LAB_BOOTSTRAP_SECONDS=$$((SECONDS - began)) $(PYTHON) -m lab up

url: ## Print the address of the lab's site
	@$(NEEDS_VENV)
	@$(PYTHON) -m lab url

down: ## Remove the lab: containers, network, keys, secrets
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m lab down

clean: ## Remove the lab, its images, builds and caches
	@[ ! -x $(PYTHON) ] || $(PYTHON) -m lab clean
	@rm -rf build .cache

ssh: ## A shell on a host of the lab: make ssh HOST=web1
	@$(NEEDS_VENV)
	@$(PYTHON) -m lab ssh --host "$$HOST"

remove: ## Remove one host of the lab and keep the others: make remove HOST=web3
	@$(NEEDS_VENV)
	@$(PYTHON) -m lab remove --host "$$HOST"

venv: ## Install what the controller needs into .venv (no lab)
	@lab/bootstrap controller

new-app: venv ## First draft of an application's entry: make new-app SOURCE=../shop
	@$(PYTHON) -m tools.new_app "$$SOURCE" --name "$$NAME" --version "$$VERSION" --deploy-key "$$DEPLOY_KEY" \
	  --domain "$$DOMAIN" --environment "$${ENVIRONMENT:-lab}" $${PRINT:+--print}

new-operations: venv ## A repository of your team's own, with this one inside: make new-operations DIR=../operations
	@$(PYTHON) -m tools.new_operations new "$$DIR" --source "$$SOURCE" --environments "$${ENVIRONMENTS:-staging production}"

COMPILE := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header

lock: venv ## Compile requirements.in into requirements.txt, and the part of it that an execution environment has
	@$(COMPILE) requirements.in --output-file requirements.txt
	@$(COMPILE) execution-environment/requirements.in --constraint requirements.txt \
	  --output-file execution-environment/requirements.txt

lint: venv ## ansible-lint (production), yamllint, ruff, shell syntax
	@bash -n lab/bootstrap .ci/run
	@ruff check . && ruff format --check .
	@yamllint --strict .
	@ansible-lint --offline --strict
	@$(PYTHON) docs/generate_role_readmes.py --check
	@$(PYTHON) docs/generate_playbooks.py --check
	@$(PYTHON) docs/generate_applications.py --check

# A scenario waits for its hosts, for downloads and for reboots about half of its time: three keep two cores busy. Tests are
# handed out one by one, in their order, after the two that each worker begins with.
PYTEST_ALL := pytest -n 3 --dist load --maxschedchunk 1 --durations 20 -rs
# A command that starts labs: they are removed after it, and its status is kept.
without_labs = status=0; $(1) || status=$$?; $(PYTHON) -m tests.scenarios.labs remove; exit $$status

test: ## Lint, unit, templates, contracts, each role on fresh hosts, the stack: at most 75 minutes
	@BOOTSTRAP_EXTRA="$(TEST_PACKAGES)" lab/bootstrap lab
	@$(PYTHON) -m tests.scenarios.labs remove
	@$(MAKE) --no-print-directory lint
	@$(call without_labs,TEST_BEGAN=$$(date +%s) $(PYTEST_ALL) tests)

test-unit: venv ## Unit, template and contract tests: no host is started
	@pytest -n 2 tests --ignore tests/scenarios

# Words of pytest's -k: a name, or several with `or` and `not`.
NAMED := ^(not )?[a-z0-9_]+( (and|or)( not)? [a-z0-9_]+)*$$

test-role: ## The scenarios of one role: make test-role ROLE=nginx
	@named='$(NAMED)'; [[ "$$ROLE" =~ $$named ]] || { echo "make: ROLE='$$ROLE' names no role: write 'make test-role ROLE=nginx';" \
	  "there are $(sort $(filter-out default,$(patsubst molecule/%/molecule.yml,%,$(wildcard molecule/*/molecule.yml)))).">&2; exit 1; }
	@BOOTSTRAP_EXTRA="$(TEST_PACKAGES)" lab/bootstrap lab
	@status=0; pytest tests/scenarios -m "scenario and not aws" -k "$$ROLE" || status=$$?; \
	[ $$status -ne 5 ] || echo "make: no scenario is named after '$$ROLE'; there are" \
	  "$$(cd molecule && ls -d */molecule.yml | cut -d/ -f1 | tr '\n' ' ')" >&2; exit $$status

test-stack: ## The whole site on fresh hosts, with a browser and reboots
	@$(MAKE) --no-print-directory test-role ROLE=stack

test-long: ## What make test leaves out: roles with each variable set, faults of deploys, a major upgrade, deploy and stack whole
	@BOOTSTRAP_EXTRA="$(TEST_PACKAGES)" lab/bootstrap lab
	@$(PYTHON) -m tests.scenarios.labs remove
	@$(call without_labs,$(PYTEST_ALL) tests/scenarios -m "long or thorough")

test-faults: ## What fails, what visitors see, what brings it back: an hour; fills docs/reliability.md (ONLY=frozen: some of it)
	@lab/bootstrap lab
	@[ -n "$$ONLY" ] || rm -f build/faults/faults.json
	@pytest tests/faults -m faults -s -k "$${ONLY:-test}"

test-aws: ## A fleet of the rehearsal of AWS: made once, and hosts come and go under load
	@lab/bootstrap lab
	@$(call without_labs,pytest tests/aws tests/scenarios -m aws)

bench-converge: ## First and no-change runs of site.yml for 1, 2 and 10 web hosts, side by side
	@lab/bootstrap lab
	@$(PYTHON) -m tests.bench.converge

bench-serve: ## What serves fastest: the deployed site against gunicorn, granian and WhiteNoise
	@BOOTSTRAP_EXTRA="$(BENCH_PACKAGES)" lab/bootstrap lab
	@$(PYTHON) -m tests.bench.serve

bench-deploy: ## What deploys and rollbacks cost: the command and its steps, and the visitors under load
	@lab/bootstrap lab
	@$(PYTHON) -m tests.bench.deploy

bench-database: ## What backups, restores, moves, promotions and upgrades of a database cost, under writes: ONLY=move, BENCH_MB=1000
	@lab/bootstrap lab
	@$(PYTHON) -m tests.bench.database $$ONLY

audit: ## What auditors find on a site of its own, held against tests/audit/reasons.yml; fills docs/security.md
	@lab/bootstrap lab
	@$(PYTHON) -m tests.audit

docs: venv ## Bring the generated parts of the role READMEs, docs/playbooks.md and docs/applications.md up to date
	@$(PYTHON) docs/generate_role_readmes.py
	@$(PYTHON) docs/generate_playbooks.py
	@$(PYTHON) docs/generate_applications.py
