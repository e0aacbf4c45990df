"""Signals become a person's acts, and everything is put back as it was. Keys: see test_run_real_time."""

from __future__ import annotations

import os
import signal
import sys
from queue import SimpleQueue

import pytest

from device.link import Inbox
from device.operator import Act
from physioctl.terminal import KEYS, keys, stop_on_signals

NAMES = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="os.kill is another thing there")


@pytest.mark.parametrize("name", NAMES)
def test_a_signal_is_a_stop_and_ends_nothing_else(name: str) -> None:
    inbox: Inbox = SimpleQueue()

    with stop_on_signals(inbox):
        os.kill(os.getpid(), getattr(signal, name))
        act = inbox.get(timeout=5)

    assert act is Act.STOP
    assert inbox.empty()


def test_every_signal_counts_however_many_there_are() -> None:
    inbox: Inbox = SimpleQueue()

    with stop_on_signals(inbox):
        for name in NAMES * 3:
            os.kill(os.getpid(), getattr(signal, name))

    assert [inbox.get(timeout=5) for _ in NAMES * 3] == [Act.STOP] * 3 * len(NAMES)


def test_signals_are_put_back_as_they_were_even_after_a_fall() -> None:
    inbox: Inbox = SimpleQueue()
    before = [signal.getsignal(getattr(signal, name)) for name in NAMES]

    with pytest.raises(ZeroDivisionError), stop_on_signals(inbox):
        raise ZeroDivisionError

    assert [signal.getsignal(getattr(signal, name)) for name in NAMES] == before


def test_without_a_terminal_there_are_no_keys() -> None:
    inbox: Inbox = SimpleQueue()

    with keys(inbox):  # the suite has no terminal
        pass

    assert inbox.empty()


def test_no_key_starts_or_raises_output_by_itself() -> None:
    assert set(KEYS.values()) == {Act.TOGGLE, Act.STOP}
    assert KEYS["\x03"] is Act.STOP
