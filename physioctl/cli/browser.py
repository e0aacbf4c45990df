"""The browser that ``--open`` opens a page with."""

from __future__ import annotations

import webbrowser

from physioctl.errors import InvalidUsage


def browser() -> webbrowser.BaseBrowser:
    """The user's browser; raise `InvalidUsage` where there is none, as on a computer without a screen."""
    try:
        return webbrowser.get()
    except webbrowser.Error:
        raise InvalidUsage(
            "there is no browser here that a page could be opened with",
            "Leave --open out, and take the file to a computer that has one.",
        ) from None
