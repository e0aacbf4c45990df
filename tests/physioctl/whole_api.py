"""A script that uses every public name, for the type checkers to read and a test to run."""

from __future__ import annotations

import asyncio
from datetime import date
from pathlib import Path
from queue import SimpleQueue

import physioctl


class Tally:
    """An observer."""

    def __init__(self) -> None:
        self.alarms: list[str] = []
        self.steps: list[int] = []
        self.refused: list[str] = []
        self.by: list[str] = []

    def on_event(self, event: physioctl.Event) -> None:
        """Keep what ``event`` says."""
        if isinstance(event, physioctl.AlarmRaised):
            self.alarms.append(event.code)
        elif isinstance(event, physioctl.AlarmEnded):
            self.alarms.remove(event.code)
        elif isinstance(event, physioctl.StepStarted | physioctl.StepEnded):
            self.steps.append(event.step)
        elif isinstance(event, physioctl.ActionRefused | physioctl.LowerRefused):
            self.refused.append(event.why)
        elif isinstance(event, physioctl.LevelLowered | physioctl.OperatorActed):
            self.by.append(event.by)
        elif isinstance(event, physioctl.ObserverDropped):
            self.refused.append(event.error)


def protocols() -> str:
    """Protocols read, changed, compared and planned."""
    protocol: physioctl.Protocol = physioctl.find("calf-tightness-ultrasound")
    said = protocol.model_dump()
    said["id"] = "mine"
    mine = physioctl.Protocol.model_validate(said)
    changes: list[physioctl.Change] = physioctl.diff(protocol, mine)
    plan: physioctl.Plan = physioctl.plan_for(mine, "us111")
    assert not any(change.clinical for change in changes)
    assert plan.delivered_ms > 0
    assert protocol.id in physioctl.bundled()
    return mine.to_yaml()


def answers_to(protocol: physioctl.Protocol, file: Path) -> physioctl.Answers:
    """Answers of a program's own, or in a file."""
    if file.exists():
        return physioctl.read_answers(file, protocol)
    said = {question.code: physioctl.Answer.NO for question in physioctl.questions_of(protocol)}
    assert physioctl.Answers().person is None
    return physioctl.answered(protocol, said, on=date(2026, 1, 1), person="P-1")


def session(journal: Path) -> physioctl.RunningSession:
    """A session in real time, and what can be done with it."""
    tally = Tally()
    observer: physioctl.Observer = tally
    with physioctl.connect("sim://us111", dialect="native", journal=journal) as unit:
        connected: physioctl.ConnectedUnit = unit
        identity: physioctl.Identity = connected.identity
        running: physioctl.RunningSession = unit.start(
            "unit-check", answers=None, attended=True, observers=[observer], operator="T-1"
        )
        for event in running.events():
            if isinstance(event, physioctl.StateChanged) and event.state == "emitting":
                running.note("a note", by="T-1")
                running.pain(3)
                running.skip()
                running.lower(by="T-1")
                running.pause(by="T-1")
            elif isinstance(event, physioctl.StateChanged) and event.state == "paused":
                running.resume(operator="T-1")
                break
        off: physioctl.OffConfirmation = unit.stop()
        ended: physioctl.SessionEnded = running.result(timeout_s=20.0)
        started: physioctl.SessionStarted = running.started
        unit.request_stop()
    assert (ended.outcome, off) == (physioctl.Outcome.STOPPED, "confirmed")
    assert (started.model, started.session) == (identity.model, running.id)
    return running


def record(running: physioctl.RunningSession, journal: Path) -> None:
    """The record as events, and as rows."""
    (summary,) = physioctl.sessions(journal)
    told: physioctl.Summary = summary
    account: physioctl.Account = physioctl.account(told.id, journal)
    rows: list[dict[str, object]] = [dict(row) for row in physioctl.rows(account.readings)]
    events: list[physioctl.Event] = list(physioctl.session_events(running.id, journal))
    assert rows
    assert events
    with physioctl.Journal.open(journal, physioctl.SystemClock()) as kept:
        assert physioctl.verify(kept).whole


def rehearsed() -> physioctl.Rehearsal:
    """Sessions in virtual time."""
    actions: list[tuple[int, physioctl.SessionAction | physioctl.Lower | physioctl.Note | physioctl.Pain]] = [
        (4000, physioctl.Lower(None)),
        (5000, physioctl.Note("a note", "T-1")),
        (6000, physioctl.Pain(2, "T-1")),
        (7000, physioctl.SessionAction.STOP),
    ]
    with physioctl.PhysioRig("us111", seed=1) as rig:
        other = rig.beside("ultragun", seed=2)
        other.start("unit-check-percussion")
        rig.inject("lift_off", for_ms=1000, on="step 1")
        assert rig.run("unit-check").outcome == "completed"
        assert other.run().outcome == "completed"
    with physioctl.PhysioRig(seed=3) as rig:
        request = physioctl.Request(physioctl.find("unit-check"), answers=None)
        rig.rig.inbox.put(physioctl.ActedBy(physioctl.SessionAction.PAUSE, "T-1"))
        clock: physioctl.VirtualClock = rig.clock
        driven: physioctl.Controller = rig.rig.controller
        assert physioctl.run_session(request, rig.rig.driver, rig.journal).output_off == "confirmed"
        assert clock.now_ms() > 0
        assert driven.used
    return physioctl.rehearse("unit-check", seed=7, faults=["lift_off@4s+2s"], actions=actions, attended=True)


def refused(journal: Path) -> list[str]:
    """What can be raised, each with what to do."""
    said: list[str] = []
    try:
        physioctl.SerialLink("/dev/there-is-none", SimpleQueue())
    except physioctl.UnitUnusable as error:
        said.append(error.action)
    try:
        physioctl.connect("/dev/there-is-none", dialect=physioctl.Native().name, journal=journal)
    except (physioctl.OutputNotConfirmedOff, physioctl.Stopped, physioctl.JournalUnusable):
        raise
    except (physioctl.InvalidUsage, physioctl.ProtocolInvalid, physioctl.Refused):
        raise
    except physioctl.PhysioctlError as error:
        said.append(error.action)
    return said


async def the_same(folder: Path) -> physioctl.SessionEnded:
    """The same under asyncio."""
    journal = physioctl.begin_journal(folder / "k.sqlite")
    async with physioctl.aio.connect("sim://us111", dialect="native", journal=journal) as unit:
        running = await unit.start("unit-check", answers=None)
        async for event in running.events():
            if isinstance(event, physioctl.Progress):
                running.stop()
        assert await unit.stop() == "confirmed"
        return await running.result(timeout_s=20)


def whole(folder: Path) -> None:
    """All of it."""
    journal = physioctl.begin_journal(folder / "j.sqlite")
    record(session(journal), journal)
    assert protocols()
    assert answers_to(physioctl.find("calf-tightness-ultrasound"), folder / "answers.yaml").person == "P-1"
    assert rehearsed().ended.outcome == "stopped"
    assert len(refused(journal)) == 2
    assert physioctl.stop("sim://us111", "native") == "confirmed"
    assert asyncio.run(the_same(folder)).outcome == "stopped"
