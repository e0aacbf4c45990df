"""What the pytest plugin `pytest_physioctl` is made of. Its fixtures import this when they are first used."""
