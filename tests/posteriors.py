"""A stand-in for the shipped posterior, made of prior draws: for tests of all that reads one."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.fingerprint import code_hash, data_hash
from calibration.posterior import Posterior, save
from calibration.priors import draw_priors
from model.catalogue import Catalogue, load_catalogue
from model.trend import KNOTS

DRAWS, SEED = 7, 1
# Own rows of cannabis, a row of all products and half a profile of all, a row of its kind; a row of
# history. The contraction of each.
KEYS = {
    "cannabis/ever_start[,,,,]": 0.71,
    "cannabis/damping[,,,,]": 0.05,
    "cannabis/mental_health_prevalence[male,,,,]": 0.3,
    "cocaine/initiation_mental_health_ratio[,,,,]": 0.45,
    "*/initiation_deprivation_ratio[,,,,]": 0.25,
}
CALIBRATED = ("cannabis", "cocaine")


def stand_in(catalogue: Catalogue | None = None, draws: int = DRAWS) -> Posterior:
    """Fresh, whole and unlike the prior draws of the same seed: drawn with another one."""
    catalogue = load_catalogue() if catalogue is None else catalogue
    other = draw_priors(catalogue, draws, SEED + 90)
    kinds = {row.id: row.kind for row in catalogue.products}
    event = next(row for row in catalogue.history if row.handle and row.distribution != "fixed")
    columns, contraction = [], []
    for key, learnt in {**KEYS, event.key: 0.1}.items():
        owner, _, rest = key.partition("/")
        if key not in other.values:
            for row in other.find(owner, kinds[owner], rest.partition("[")[0]):
                if row.key.endswith(f"/{rest}"):
                    columns.append(other.values[row.key])
        else:
            columns.append(other.values[key])
        contraction.append(learnt)
    keys = (*KEYS, event.key)
    products = tuple(row.id for row in catalogue.products)
    fitted = np.full((len(products), KNOTS), np.nan)
    fitted[[products.index(name) for name in CALIBRATED]] = 0.15
    same = np.full(len(keys), 1.001)
    return Posterior(
        keys=keys,
        values=np.stack(columns, axis=1),
        products=products,
        innovations=other.innovations,
        groups=("cannabis|health survey/illegal",),
        log_tau=np.full((draws, 1), -2.0),
        block=("cannabis", "cannabis", "cannabis", "cocaine", "pooled", "cannabis"),
        contraction=np.array(contraction),
        contraction_innovation=fitted,
        rhat=same,
        ess_bulk=400.0 * same,
        ess_tail=400.0 * same,
        data_hash=data_hash(),
        code_hash=code_hash(),
        made="2026-01-02",
        cost="1 s on 2 cores",
        seed=SEED,
        package_version="0",
        blocks={name: {"products": [name]} for name in CALIBRATED},
    )


def write_stand_in(folder: Path) -> Path:
    """The path of a stand-in on disk."""
    path = folder / "posterior.nc"
    save(stand_in(), path)
    return path
