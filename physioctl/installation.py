"""Whether the tables that the guard reads itself can be relied on.

The guard lets nothing out where they cannot. A person is told so before a session begins, and what to do.
"""

from __future__ import annotations

from device.control.ceilings import TableUnreadable, family_ceilings, site_ceilings
from protocols.errors import InstallationDamaged
from protocols.limits import Family


def expect_tables(family: Family, body_site: str) -> None:
    """Raise `InstallationDamaged` where ``families.toml`` or ``sites.toml`` does not say what it has to."""
    try:
        family_ceilings(family)
        site_ceilings(body_site, family)
    except TableUnreadable as error:
        raise InstallationDamaged(
            str(error), "Reinstall physioctl: the limits that ship with it cannot be relied on."
        ) from error
