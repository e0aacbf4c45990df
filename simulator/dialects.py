"""Which simulated unit speaks which dialect; each is imported when it is first asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from simulator.identity import drawn_boot, drawn_serial
from simulator.unit import SimulatedUnit

DIALECTS = ("native", "modbus")
HOST_LOSS = ("lease", "timer", "none")  # what ends output when the host is lost

Maker = Callable[..., SimulatedUnit]


def maker(
    dialect: str = "native",
    host_loss: str | None = None,
    address: int | None = None,
    breaks: str | None = None,
) -> Maker:
    """What makes units that speak ``dialect``; raise `ValueError` for what it does not have.

    ``host_loss`` is one of `HOST_LOSS`, *lease* when left out, and ``address`` the unit's on its line.
    ``breaks`` names the one promise that the units do not keep.
    """
    if dialect == "native":
        if host_loss not in (None, "lease") or address is not None:
            raise ValueError("a native unit has a lease, and no address; ask for dialect modbus")
        return SimulatedUnit if breaks is None else _breaking_native(breaks)
    if dialect != "modbus":
        raise ValueError(f"no simulated unit speaks {dialect!r}; choose one of {', '.join(DIALECTS)}")
    if host_loss not in (None, *HOST_LOSS):
        raise ValueError(f"output cannot end by {host_loss!r}; choose one of {', '.join(HOST_LOSS)}")
    from simulator.modbus_unit import KINDS

    kind: Maker = (
        KINDS[host_loss or "lease"] if breaks is None else _breaking_modbus(breaks, host_loss or "lease")
    )
    return kind if address is None else partial(kind, address=address)


def _breaking_native(promise: str) -> type[SimulatedUnit]:
    from simulator.broken import BROKEN  # nothing else needs them

    if promise not in BROKEN:
        raise ValueError(f"no unit that speaks native breaks {promise!r}; name a clause of physioctl conform")
    return BROKEN[promise]


def _breaking_modbus(promise: str, host_loss: str) -> type[SimulatedUnit]:
    from simulator.broken import modbus

    if promise not in modbus.names():
        raise ValueError(f"no unit that speaks modbus breaks {promise!r}; name a clause of physioctl conform")
    return modbus.broken(promise, host_loss)


def neighbours(
    texts: Sequence[str],
    unit: SimulatedUnit,
    *,
    seed: int = 0,
    calibrated: int | None = None,
    drawn: bool = False,
) -> tuple[SimulatedUnit, ...]:
    """The units on ``unit``'s line that ``texts`` name, each as MODEL@ADDRESS; raise `ValueError`.

    Where they are ``drawn``, each has a serial number and a boot nonce of its own, as in another process;
    else both follow from the seed.
    """
    found: list[SimulatedUnit] = []
    taken = {getattr(unit, "address", None)}
    for text in texts:
        model, _, number = text.partition("@")
        address = int(number) if number.isascii() and number.isdecimal() else None
        if None in taken or address is None or address in taken:
            raise ValueError(
                f"{text!r} cannot be beside it; write MODEL@ADDRESS, each address once, in modbus"
            )
        taken.add(address)
        found.append(
            maker("modbus", "lease", address)(
                model,
                seed=seed + address,
                boots=drawn_boot() if drawn else 0,
                calibrated=calibrated,
                serial=drawn_serial(model) if drawn else None,
            )
        )
    return tuple(found)
