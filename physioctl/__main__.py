"""``python -m physioctl``: the command line."""

from __future__ import annotations

from physioctl.cli import main

if __name__ == "__main__":
    main()
