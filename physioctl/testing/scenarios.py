"""``physio_scenario``: a scenario file, played as ``physioctl rehearse --scenario`` plays it."""

from __future__ import annotations

from pathlib import Path

from physioctl.errors import InvalidUsage
from physioctl.rehearsal.rehearse import Rehearsal, rehearse
from physioctl.rehearsal.rig import Rig, speaking
from physioctl.rehearsal.scenario_file import read_scenario
from physioctl.rehearsal.scenario_model import Expected
from protocols.library import find


class PhysioScenario:
    """A scenario file. Raise `ProtocolInvalid` with all of its mistakes."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.scenario = read_scenario(path)

    def play(
        self,
        protocol: str | Path | None = None,
        unit: str | None = None,
        *,
        dialect: str = "native",
        host_loss: str | None = None,
    ) -> Rehearsal:
        """Rehearse what the file names, or another ``protocol`` or ``unit``; return what came of it.

        Raise `AssertionError` with every expectation that did not hold. Where the file has none, these are
        left: no breach, output off, and a record that agrees with the unit. Raise `InvalidUsage` where no
        protocol or unit is named, and what `physioctl.rehearsal.rehearse.rehearse` raises.
        """
        __tracebackhide__ = True  # in pytest's report: what did not hold says it all
        scenario = self.scenario
        model = unit or scenario.unit
        treatment = protocol or self._protocol()
        if treatment is None or model is None:
            missing = "protocol" if treatment is None else "unit"
            raise InvalidUsage(
                f"{self.path} names no {missing}", f"Write `{missing}:`, or give it to play()."
            )
        spoken = speaking(dialect, host_loss)
        rig = Rig(model, seed=scenario.seed, unit=spoken.unit, dialect=spoken.dialect)
        if scenario.expect is None:
            scenario = scenario.model_copy(update={"expect": Expected()})
        rehearsal = rehearse(
            find(treatment), rig, seed=scenario.seed, attended=host_loss == "none", scenario=scenario
        )
        if not rehearsal.as_expected:
            failed = [f"  {each}" for each in rehearsal.expectations if not each.held]
            raise AssertionError("\n".join([f"{self.path}: not as expected:", *failed]))
        return rehearsal

    def _protocol(self) -> str | Path | None:
        """The protocol that the file names: an id, or a file beside it."""
        named = self.scenario.protocol
        if named is None or not named.endswith((".yaml", ".yml")):
            return named
        return self.path.parent / named
