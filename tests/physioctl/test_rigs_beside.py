"""Several units, each with a session of its own, on one virtual clock."""

from __future__ import annotations

import pytest

from device.events import AlarmRaised, Event
from device.wire.messages import Result
from physioctl import InvalidUsage, PhysioRig
from physioctl.events import Outcome
from simulator.record import Breach, OutputChange

COUNT = 4


def played() -> list[tuple[list[Event], list[OutputChange]]]:
    """What came of a few sessions at once, in which different things happen."""
    with PhysioRig("us111", seed=1) as first:
        rigs = [first, *(first.beside("us111", seed=seed) for seed in range(2, COUNT + 1))]
        gun = first.beside("ultragun", seed=1)
        for rig in rigs:
            rig.start("unit-check")
        gun.start("unit-check-percussion")
        rigs[1].inject("lift_off", for_ms=2000, at_ms=4000)
        rigs[2].pause(at_ms=5000)
        rigs[2].resume(at_ms=9000)
        gun.stop(at_ms=3000)
        for rig in rigs:
            rig.run()
        gun.run()
        return [(rig.events, rig.unit.changes) for rig in (*rigs, gun)]


def test_sessions_on_one_clock_are_the_same_every_time() -> None:
    assert played() == played()


def test_each_session_is_as_it_is_alone() -> None:
    with PhysioRig("us111", seed=1) as alone:
        alone.inject("lift_off", for_ms=2000, at_ms=4000)
        alone.run("unit-check")

    with PhysioRig("ultragun", seed=7) as other:
        one = other.beside("us111", seed=1)
        one.inject("lift_off", for_ms=2000, at_ms=4000)
        one.start("unit-check")
        other.start("unit-check-percussion")
        one.run()

    assert [change.ms for change in one.unit.changes] == [change.ms for change in alone.unit.changes]
    assert one.ended is not None
    assert alone.ended is not None
    assert one.ended.delivered_ms == alone.ended.delivered_ms == 10_000
    assert not [event for event in other.events if isinstance(event, AlarmRaised)]


def test_time_passes_for_all_of_them_whichever_is_run() -> None:
    with PhysioRig(seed=1) as one:
        other = one.beside(seed=2)
        other.start("unit-check")

        assert one.run("unit-check").outcome is Outcome.COMPLETED

        assert other.unit.delivered_ms > 9000
        other.rig.wait(5000)
        assert other.ended is not None
        assert other.ended.outcome is Outcome.COMPLETED


def test_what_stops_one_of_them_to_be_looked_at_changes_nothing_for_the_others() -> None:
    with PhysioRig(seed=1) as one:
        other = one.beside(seed=2)
        one.start("unit-check")
        other.start("unit-check")

        for rig, until_ms in ((one, 2000), (other, 3000), (one, 4000)):
            assert rig.run_until(lambda rig=rig, until_ms=until_ms: rig.unit.delivered_ms >= until_ms)  # type: ignore[misc]
        with pytest.raises(ZeroDivisionError):
            other.run_until(lambda: bool(1 // 0))

        assert one.run().delivered_ms == other.run().delivered_ms == 10_000
        assert one.unit.breaches == other.unit.breaches == []


def test_a_test_that_forgets_them_leaves_units_that_are_off_and_hears_of_each() -> None:
    one = PhysioRig(seed=1)
    other = one.beside(seed=2)
    one.start("unit-check")
    other.start("unit-check")
    other.run_until(lambda: other.unit.output > 0 < one.unit.output)
    other.inject("restart", on="step 9")

    one.close()

    assert (one.unit.output, other.unit.output) == (0, 0)
    assert [rig.ended and rig.ended.outcome for rig in (one, other)] == [Outcome.STOPPED] * 2


def test_what_should_not_be_of_any_of_them_is_told_by_the_first() -> None:
    rig = PhysioRig(seed=1)
    rig.beside(seed=2).unit.breaches.append(Breach(1, Result.STALE, "for this test"))

    with pytest.raises(AssertionError, match=r"SIM-US-0002 was asked"):
        rig.close()


def test_a_unit_is_there_once() -> None:
    with PhysioRig(seed=1) as rig, pytest.raises(InvalidUsage, match="another seed"):
        rig.beside(seed=1)
