# All of it runs in .venv, installed from requirements.lock.
PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready

.PHONY: help demo test lint format bench lock clean

help:
	@echo "make demo    compose a corpus, ingest it, train, export, generate MIDI to play"
	@echo "make test    lint, types and all tests"
	@echo "make bench   the benchmarks of speed; benchmarks/README.md says what each one claims"
	@echo "make lint | format | lock | clean"

$(READY): requirements.lock pyproject.toml setup.py
	$(PYTHON) -m venv .venv
	grep -A 99 '^uv==' requirements.lock | awk 'NR > 1 && !/^ / { exit } { print }' > .venv/uv.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r .venv/uv.lock
	$(BIN)/uv pip sync --quiet --system-certs --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --system-certs --python $(BIN)/python --no-deps --no-build-isolation --editable .
	touch $@

demo: $(READY)
	PATH="$(CURDIR)/$(BIN):$$PATH" examples/demo.sh out

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/hadolint Dockerfile

format: $(READY)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# Beam's tests have a process of their own: tfrecord and TensorFlow both define tensorflow.Example.
test: lint
	$(BIN)/pytest -n 2 --dist loadfile tests/tutti tests/pipelines tests/examples tests/test_*.py
	$(BIN)/pytest -n 2 --dist loadfile tests/trainer tests/serving

bench: $(READY)
	for claim in ingest encoders training generation wavenet; do $(BIN)/python -m benchmarks.$$claim || exit 1; done

lock:
	$(BIN)/uv pip compile pyproject.toml --extra dev --universal --python-version 3.10 --generate-hashes \
	    --no-header --no-annotate --no-emit-index-url --upgrade --output-file requirements.lock

clean:
	rm -rf .venv out build *.egg-info
