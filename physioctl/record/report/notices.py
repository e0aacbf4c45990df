"""What marks a session as other than one that was given as planned: it stands first in a report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from device.events import NOT_STARTED, OffConfirmation
from physioctl.events import Outcome
from physioctl.record.account import Account
from physioctl.record.report.wording import sentence
from physioctl.record.summary import Summary
from physioctl.screens.wording import OUTPUT_OFF


@dataclass(frozen=True, slots=True)
class Notice:
    """What has to be seen before anything else."""

    head: str
    text: str
    grave: bool = True


def notices(account: Account) -> Iterator[Notice]:
    """The notices of a session, the gravest first; none for one that was given as planned."""
    summary = account.summary
    if summary.simulated:
        text = "The unit was software. This session counts for nobody."
        yield Notice("SIMULATED: nobody was treated.", text)
    yield from _output_off(summary)
    yield from _outcome(summary)
    if summary.rest_of:
        text = f"It goes on with session {summary.rest_of}."
        yield Notice("The rest of another session.", text, grave=False)
    if account.reconciled is not None:
        counted = "the unit's own count" if account.reconciled.counted else "what was last heard of it"
        doubt = f" {sentence(account.reconciled.doubt)}" if account.reconciled.doubt else ""
        yield Notice("Settled afterwards.", f"Delivered is by {counted}.{doubt}", grave=False)
    if account.unread:
        head = f"{len(account.unread)} of {account.entries} entries of this record cannot be shown."
        yield Notice(head, "They are named under “The record”. What they say is missing here.")


def _output_off(summary: Summary) -> Iterator[Notice]:
    if summary.output_off is OffConfirmation.UNKNOWN:
        yield Notice("Whether output ended was not known.", OUTPUT_OFF[summary.output_off])
    elif summary.output_off is OffConfirmation.PRESUMED:
        text = "Its lease or its timer had run out."
        yield Notice("Output off was presumed, not confirmed.", text)


def _outcome(summary: Summary) -> Iterator[Notice]:
    why = sentence(summary.why) if summary.why else ""
    match summary.outcome:
        case None:
            text = "The record has no end: the session still runs, or the program ended in its midst."
            yield Notice("NOT ENDED.", text)
        case Outcome.INTERRUPTED if summary.why == NOT_STARTED:
            yield Notice("Not started.", why, grave=False)
        case Outcome.INTERRUPTED | Outcome.FAILED:
            yield Notice(f"{summary.outcome.value.upper()}.", why)
        case Outcome.STOPPED:
            yield Notice("Stopped before its end.", why, grave=False)
        case Outcome.COMPLETED:
            pass
