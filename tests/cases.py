"""One test of many cases that make up one claim: it tells all of the cases that fail.

To collect, set up and report a test costs more than most such cases do, so a table of hundreds is one test.
Where a case takes long, or stands for itself, ``pytest.mark.parametrize`` serves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps
from inspect import Signature, signature
from typing import Any

import pytest

Test = Callable[..., None]


def each(names: str | tuple[str, ...], cases: Iterable[Any]) -> Callable[[Test], Test]:
    """Call the test with every one of ``cases``, as the values of ``names``; its fixtures are shared.

    It fails with what every failing case has raised, and with the case. Raise ValueError without a case.
    """
    listed = [(case,) if isinstance(names, str) else case for case in cases]
    named = (names,) if isinstance(names, str) else names
    if not listed:
        raise ValueError("there is no case")

    def of_every_case(test: Test) -> Test:
        @wraps(test)
        def every_case(**fixtures: Any) -> None:
            failed: list[BaseException] = []
            for case in listed:
                values = dict(zip(named, case, strict=True))
                try:
                    test(**values, **fixtures)
                except (Exception, pytest.fail.Exception) as error:  # noqa: BLE001 - whatever it is, it is told
                    error.add_note(f"with {values}")
                    failed.append(error)
            if failed:
                raise BaseExceptionGroup(f"{len(failed)} of {len(listed)} cases fail", failed)

        fixtures = [each for name, each in signature(test).parameters.items() if name not in named]
        vars(every_case)["__signature__"] = Signature(fixtures)
        return every_case

    return of_every_case
