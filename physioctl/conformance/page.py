"""The certificate as one HTML page that needs nothing else."""

from __future__ import annotations

from physioctl.conformance.certificate import Certificate
from physioctl.conformance.outcomes import Mark
from physioctl.record.report.page import render


def page(certificate: Certificate) -> str:
    """The page of ``certificate``."""
    passed = not certificate.count(Mark.FAIL) and not certificate.ended_early
    return render("conformance.html", {"told": certificate, "passed": passed})
