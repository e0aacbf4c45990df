python -m pip install .
python -m pytest
physioctl rehearse unit-check --unit us111 --scenario tests/scenarios/lift-off.yaml
