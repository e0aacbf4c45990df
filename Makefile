# Everything here makes its own .venv and needs only Python 3.11 or newer, make and git.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

# Without compiled modules kept, each program that is started compiles every module anew.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help demo test test-all check format pictures bench storm frames mutants sbom clean
.PHONY: firmware conform-firmware firmware-lockstep firmware-fuzz firmware-coverage firmware-analysis firmware-deaths
.PHONY: firmware-boards conform-firmware-boards

help:  ## this list
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## */\t/' | expand -t 12

$(VENV)/.installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("physioctl needs Python 3.11 or newer; try: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $@

demo: $(VENV)/.installed  ## a bundled session on a simulated US111, fast-forwarded
	@$(BIN)/physioctl demo

# Three workers even on two cores, because the tests in real time wait more than they work. Each collects the
# whole suite, so that more of them cost more than they save; an idle one takes over what others have queued.
test: $(VENV)/.installed  ## the tests, but for what takes long
	$(BIN)/python -m pytest -n 3 --dist worksteal -m "not long"

test-all: $(VENV)/.installed  ## every test there is: what CI runs
	$(BIN)/python -m pytest -n 3 --dist worksteal

check: $(VENV)/.installed  ## format, lint, types, import contracts, generated files
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m tools.generate --check

format: $(VENV)/.installed  ## put the code into its one format, and make the generated files anew
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m tools.generate

pictures: $(VENV)/.installed  ## draw the pictures of the README and the manual anew
	$(BIN)/python -m tools.pictures

storm: $(VENV)/.installed  ## ten thousand sessions in which things go wrong
	$(BIN)/physioctl storm --count 10000 --seed 1

bench: $(VENV)/.installed  ## the measurements in benchmarks/
	$(BIN)/python -m benchmarks

frames: $(VENV)/.installed  ## a million spoilt frames at each door, of which none may be acted on
	$(BIN)/python -m benchmarks million_frames

mutants: $(VENV)/.installed  ## every small mistake in the safety path has to make a test fail
	$(BIN)/python -m tools.mutants

# The reference firmware in C needs a C compiler, and for some of these more: see docs/firmware.md.
firmware:  ## the POSIX boards of the reference firmware, and its flash and RAM on two microcontrollers
	$(MAKE) --no-print-directory -C firmware models sizes

conform-firmware: $(VENV)/.installed  ## the conformance suite against the POSIX boards, on ptys and over TCP
	$(BIN)/python -m tests.firmware.examine

firmware-lockstep: $(VENV)/.installed  ## a million requests to the firmware and to the simulated unit, answered alike
	$(BIN)/python -m tests.firmware.lockstep

firmware-fuzz:  ## a fuzzer on the firmware's receive path, for ten minutes or ten million inputs (clang)
	$(MAKE) --no-print-directory -C firmware fuzz-run

firmware-coverage: $(VENV)/.installed  ## lines and branches of the firmware's core that its tests reach (gcov)
	$(BIN)/python -m tests.firmware.coverage

firmware-analysis:  ## cppcheck and gcc -fanalyzer on the firmware
	$(MAKE) --no-print-directory -C firmware analyse

firmware-deaths: $(VENV)/.installed  ## twenty hosts killed on the POSIX board, and whole sessions in real time
	$(BIN)/python -m tests.firmware.kills
	$(BIN)/python -m tests.firmware.sessions

firmware-boards:  ## the reference firmware for the ATmega328P and the Cortex-M3, and the program that emulates the first
	$(MAKE) --no-print-directory -C firmware atmega328p lm3s6965evb simavr

conform-firmware-boards: $(VENV)/.installed  ## the emulated boards: conformance, sessions, deaths, flipped bits (20 minutes)
	$(BIN)/python -m tests.firmware.boards_at_length

sbom: $(VENV)/.installed  ## a bill of materials of what runs: dist/sbom.cdx.json
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[sbom]'
	rm -rf dist/sbom && $(PYTHON) -m venv --without-pip dist/sbom
	$(BIN)/python -m pip --python dist/sbom/bin/python install --quiet --disable-pip-version-check .
	$(BIN)/cyclonedx-py environment --pyproject pyproject.toml --output-reproducible --output-file dist/sbom.cdx.json dist/sbom/bin/python
	rm -rf dist/sbom

clean:  ## remove what the above made
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis dist firmware/build
