"""Units and sessions for asyncio, in real time."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

import physioctl
from device.events import StateChanged
from physioctl import InvalidUsage, OffConfirmation, aio
from physioctl.events import Outcome
from tests.processes import LIMIT_S, served_unit, short_protocol

SIM = "sim://us111"


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    return physioctl.begin_journal(tmp_path / "j.sqlite")


async def emits_for_good(port: str, journal: Path, protocol: Path, emitting: asyncio.Event) -> None:
    async with aio.connect(port, dialect="native", journal=journal) as unit:
        session = await unit.start(protocol)
        async for event in session.events():
            if isinstance(event, StateChanged) and event.state == "emitting":
                emitting.set()


def test_a_session_tells_its_events_and_its_result(tmp_path: Path, journal: Path) -> None:
    async def script() -> tuple[list[str], Outcome]:
        async with aio.connect(SIM, dialect="native", journal=journal) as unit:
            session = await unit.start(short_protocol(tmp_path, 1), answers=None)
            names = [event.name async for event in session.events()]
            return names, (await session.result()).outcome

    names, outcome = asyncio.run(script())

    assert (names[0], names[-1], outcome) == ("session_started", "session_ended", Outcome.COMPLETED)


def test_a_result_that_is_not_there_in_time_leaves_the_session_running(tmp_path: Path, journal: Path) -> None:
    async def script() -> tuple[OffConfirmation, Outcome]:
        async with aio.connect(SIM, dialect="native", journal=journal) as unit:
            session = await unit.start(short_protocol(tmp_path, 60), answers=None)
            with pytest.raises(TimeoutError):
                await session.result(timeout_s=0)
            with pytest.raises(InvalidUsage):
                await unit.start(short_protocol(tmp_path, 60), answers=None)
            assert session.running
            return await unit.stop(), (await session.result(LIMIT_S)).outcome

    assert asyncio.run(script()) == (OffConfirmation.CONFIRMED, Outcome.STOPPED)


@pytest.mark.hazard("H-01")
def test_a_cancellation_ends_output_and_the_record_says_how(tmp_path: Path, journal: Path) -> None:
    async def script(port: str) -> None:
        emitting = asyncio.Event()
        task = asyncio.create_task(emits_for_good(port, journal, short_protocol(tmp_path, 60), emitting))
        await emitting.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with served_unit(tmp_path) as served:
        asyncio.run(script(served.port))

        assert served.is_off_again()
    (told,) = physioctl.sessions(journal)
    assert (told.outcome, told.output_off) == ("stopped", "confirmed")


@pytest.mark.hazard("H-01")
def test_ctrl_c_is_a_cancellation(tmp_path: Path, journal: Path) -> None:
    async def script() -> None:
        async with aio.connect(SIM, dialect="native", journal=journal) as unit:
            await unit.start(short_protocol(tmp_path, 60), answers=None)
            signal.raise_signal(signal.SIGINT)
            await asyncio.Event().wait()

    with pytest.raises(KeyboardInterrupt):
        asyncio.run(script())

    (told,) = physioctl.sessions(journal)
    assert (told.outcome, told.output_off) == ("stopped", "confirmed")


@pytest.mark.hazard("H-01")
def test_a_cancellation_at_each_turn_of_the_loop_lets_the_port_go(tmp_path: Path, journal: Path) -> None:
    protocol = short_protocol(tmp_path, 60)

    async def script(port: str, turns: int) -> None:
        task = asyncio.create_task(emits_for_good(port, journal, protocol, asyncio.Event()))
        for _ in range(turns):
            await asyncio.sleep(0)
        task.cancel()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with served_unit(tmp_path) as served:
        for turns in (0, 1, 2, 3, 50, 500, 5000):
            asyncio.run(script(served.port, turns))

            assert not served.gives_output()
        with physioctl.connect(served.port, dialect="native", journal=journal) as unit:  # nobody holds it
            assert unit.stop() is OffConfirmation.CONFIRMED

    assert all(each.outcome == "stopped" for each in physioctl.sessions(journal))
