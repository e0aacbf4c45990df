"""Answers, with output off: who the unit is, what it declares, and its tokens."""

from __future__ import annotations

from collections.abc import Iterator

from device.wire import modbus_map as wire
from device.wire.messages import GetCapabilities, GetStatus, Identify, Message, Stop
from physioctl.conformance.clauses import answers
from physioctl.conformance.effects import Script
from physioctl.conformance.host import ANSWER_MS
from physioctl.conformance.modbus.clause import CONVERSATION, LINE, SETTLE_MS, modbus_clause
from physioctl.conformance.modbus.host import ModbusHost, without_token
from physioctl.conformance.modbus.rtu import framed
from physioctl.conformance.outcomes import Part, PromiseBroken, clause, expect

BLOCKS = (
    "FC23 writes 20 registers at 0 and reads the one whole block that belongs to the command: the status (28 "
    "at 256), for IDENTIFY the identity (30 at 512), for CAPABILITIES the capabilities (33 at 768)."
)
_STEP_MAX_MS = {wire.HostLoss.OWN_TIMER: wire.TIMER_MAX_MS, wire.HostLoss.NONE: 0}


@modbus_clause(
    "answers.identity",
    CONVERSATION,
    BLOCKS,
    "IDENTIFY is asked three times: the blocks are the same but for their tokens and can be read whole, "
    "`map` is 0x5054 and `major` is 1",
    ends_run=True,
)
def _identity(host: ModbusHost) -> Script[str]:
    for _ in range(3):
        block = yield from host.told(Identify())
        same = without_token(block) == without_token(host.said)
        expect(same, "the identity changes from one answer to the next")
    expect(host.said.major == wire.MAJOR, f"major is {host.said.major}, not {wire.MAJOR}")
    for text in (host.said.model, host.said.serial):
        expect(bool(text) and text.isascii() and text.isprintable(), f"{text!r} is no text")
    return f"{host.said.model}, serial number {host.said.serial}"


@modbus_clause(
    "answers.capabilities",
    CONVERSATION,
    BLOCKS,
    "CAPABILITIES is asked three times: the blocks are the same but for their tokens",
    ends_run=True,
)
def _capabilities(host: ModbusHost) -> Script[str]:
    for _ in range(3):
        block = yield from host.told(GetCapabilities())
        same = without_token(block) == without_token(host.declared)
        expect(same, "the capabilities change from one answer to the next")
    levels = f"levels {host.plate.level_min} to {host.plate.level_max}"
    return f"{host.declared.host_loss.name}, {levels}"


def _contradictions(said: wire.Capabilities) -> Iterator[str]:
    leased, timed = said.host_loss is wire.HostLoss.LEASE, said.host_loss is not wire.HostLoss.NONE
    if leased and not 0 < said.lease_min_ms <= said.lease_max_ms:
        yield f"a LEASE unit with leases from {said.lease_min_ms} to {said.lease_max_ms} ms"
    if leased is not (wire.Reports.LEASE in said.reports):
        yield "what it reports of a lease is not its kind's"
    if not leased and (said.lease_min_ms or said.lease_max_ms):
        yield "bounds of a lease without a lease"
    if timed and wire.Reports.UPTIME not in said.reports:
        yield "a unit with a lease or a timer that does not report its uptime"
    if said.step_max_ms != _STEP_MAX_MS.get(said.host_loss, said.step_max_ms) or (
        leased and not said.step_max_ms
    ):
        yield f"a step_max_ms of {said.step_max_ms}"
    if int(said.reports) & ~sum(wire.Reports):
        yield "bits of reports that have no name"
    if said.holds_limits not in (0, 1):
        yield f"a holds_limits of {said.holds_limits}"
    if not 0 < said.level_min <= said.level_max:
        yield f"levels from {said.level_min} to {said.level_max}"
    if not said.duties_pct or max(said.duties_pct) > 100:
        yield f"duty cycles {said.duties_pct}"


@modbus_clause(
    "kind.contradictions",
    CONVERSATION,
    "A unit that contradicts itself is not driven: bounds of a lease without a lease, a LEASE unit that does "
    "not report its lease, a LEASE or OWN_TIMER unit that does not report its uptime, a `step_max_ms` that "
    "is not its kind's, bits of `reports` that have no name, a range whose lowest value is above its "
    "highest.",
    "each of them in the capabilities",
    ends_run=True,
)
def _contradicts(host: ModbusHost) -> Script[str]:
    yield from host.look()
    found = list(_contradictions(host.declared))
    expect(not found, "; ".join(found))
    return f"{host.declared.host_loss.name}, reports {host.declared.reports.name or 'nothing'}"


@modbus_clause(
    "answers.token",
    CONVERSATION,
    "So the host writes another `token` each time, and believes a block only if it carries that token and "
    "that command.",
    "IDENTIFY, CAPABILITIES, STATUS and STOP under the tokens 0, 65535 and random ones, in any order: each "
    "block carries its own token and command",
)
def _token(host: ModbusHost) -> Script[str]:
    questions: list[Message] = [Identify(), GetCapabilities(), GetStatus(), Stop()]
    pairs = [
        (question, token)
        for question in questions
        for token in (0, 0xFFFF, *(host.rng.randrange(1, 0xFFFF) for _ in range(2)))
    ]
    host.rng.shuffle(pairs)
    for question, token in pairs:
        try:
            yield from host.transact(host.order(question, token))
        except PromiseBroken as broken:
            raise PromiseBroken(f"under the token {token}: {broken}") from None
    return f"{len(pairs)} tokens"


@clause(
    "answers.once",
    "Requests and answers",
    "The host asks and the unit answers, once for each request, under the same `seq`.",
    "12 requests in any order: one answer each, and nothing behind it",
)
def _once(host: ModbusHost) -> Script[str]:
    questions: list[Message] = [Identify(), GetCapabilities(), GetStatus()]
    for _ in range(12):
        request = host.request(host.order(host.rng.choice(questions)))
        yield from host.send(framed(host.address, request))
        heard = (yield from host.listen(SETTLE_MS)) or (yield from host.listen(ANSWER_MS))
        came = [answer for answer in heard if answer.unit == host.address]
        expect(len(came) == 1, f"{len(came)} answers to one request")
    return "12 of 12"


_in_time = modbus_clause(
    "answers.in_time",
    LINE,
    "| from the end of a request to the beginning of its answer | 50 ms |",
    "24 requests: three of four have to be answered within 50 ms and the time on the line; the rest may be "
    "this computer's or the adapter's delay",
)(answers.in_time)


@modbus_clause(
    "kind.missing_reports",
    "Values",
    "Which registers of the status mean anything; those of a bit that is not set are 0.",
    "the registers of the bits that are not set, while output is on and after a Stop",
    needs=(Part.MISSING_REPORTS,),
)
def _missing_reports(host: ModbusHost) -> Script[str]:
    fields = {
        wire.Reports.SESSION: ("session",),
        wire.Reports.TIME: ("step_ms", "delivered_ms"),
        wire.Reports.ENERGY: ("energy_mj",),
        wire.Reports.LEASE: ("lease_left_ms", "lapses"),
        wire.Reports.UPTIME: ("uptime_ms",),
    }
    missing = [name for bit, names in fields.items() if bit not in host.declared.reports for name in names]
    yield from host.emit(for_ms=1000)
    for _ in range(3):
        yield from host.wait(50)
        yield from host.look()
        _expect_zero(host.block, missing)
    yield from host.stop()
    _expect_zero(host.block, missing)
    return ", ".join(missing)


def _expect_zero(status: wire.Status, names: list[str]) -> None:
    for name in names:
        expect(not getattr(status, name), f"{name} is {getattr(status, name)}, and not declared")


FIRST = (
    _identity,
    _capabilities,
    _contradicts,
    answers.host_leases,
    _token,
    _once,
    answers.unasked,
    _in_time,
    answers.uptime,
)
CLAUSES = (_missing_reports,)  # once it is shown that a Stop ends output
