"""``drugfutures calibrate --restamp``: the posterior stays good where new code moves no number."""

from __future__ import annotations

from calibration.fingerprint import code_hash
from calibration.proof import BOUND, restamp
from experiments.fits.coverage import restamp_about
from model.errors import InputError


def run_restamp(alone: bool = True) -> str:
    """Stamp the shipped posterior and its coverage study with the present code; what was found.

    Raises InputError, and writes nothing, unless the code predicts what it did.
    """
    if not alone:
        raise InputError(
            "nothing is fitted here",
            key="--restamp",
            given="with options of a fit",
            allowed="--restamp alone",
        )
    posterior, gap = restamp()
    assert posterior.proof is not None  # else restamp refuses
    draws, series, years = posterior.proof.values.shape
    known = restamp_about(posterior.code_hash)
    told = "is fresh" if posterior.code_hash == code_hash() else "carries the present code now"
    told = (
        f"The posterior of {posterior.made} {told}: {series} fitted series, {years} years, "
        f"{draws} draws; largest relative difference {gap.relative:.2g}, allowed {BOUND:g}."
    )
    if not known:
        told += " The coverage study was made with another model or other tables and stays so."
    return told
