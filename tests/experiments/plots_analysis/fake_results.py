"""Made-up results with real names: forty factors, several outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr

from scenarios.texts import OBJECTIVES

MEASURES = (
    "alcohol-excise",
    "treatment-capacity",
    "needles-with-substitution",
    "letter-on-long-term-sedatives",
    "self-exclusion-all-channels",
)
PARAMETERS = ("cocaine/relapse_early[,,,,]", "alcohol/escalation_half_time[,,,,]")


NAMES = {
    "sobol": ("S1", "ST"),
    "fast": ("S1", "ST"),
    "rbd-fast": ("S1", "S1"),
    "pawn": ("median", "median"),
    "delta": ("S1", "delta"),
    "hdmr": ("Sa", "ST"),
    "morris": ("mu", "mu_star"),
    "fractional-factorial": ("ME", "ME"),
}


def factors() -> list[tuple[str, str, str]]:
    """Id, kind and name: 8 trends, 22 objectives, 5 effects, 2 assumptions, and others."""
    found = [(f"trend-F{n}", "trend", f"F{n}") for n in range(1, 9)]
    found += [(f"lever-{one}", "lever", one) for one in OBJECTIVES[:22]]
    found += [(f"effect-{one}", "effect", one) for one in MEASURES]
    found += [(f"parameter-{one}", "parameter", one) for one in PARAMETERS]
    found += [
        ("structure-subadditivity", "structure", "subadditivity"),
        ("posterior", "posterior", "posterior"),
        ("seed", "seed", "seed"),
    ]
    return [*found, ("dummy", "dummy", "dummy")]


def _labels(known: list[tuple[str, str, str]], years: tuple[int, ...], sizes: Any) -> Any:
    outputs = len(years) + 1
    of = {
        "scenario": ["strategy"] * outputs,
        "indicator": ["treatment"] * outputs,
        "product": ["cocaine"] * (outputs - 1) + ["ketamine"],
        "group": ["Belgium"] * outputs,
        "year": [*years, years[-1]],
        "unit": ["persons"] * outputs,
    }
    about = {
        "factor": [one for one, _, _ in known],
        "factor_kind": ("factor", [kind for _, kind, _ in known]),
        "factor_name": ("factor", [name for _, _, name in known]),
        "factor_label": ("factor", [one for one, _, _ in known]),
        "factor_history": ("factor", [kind in ("parameter", "posterior") for _, kind, _ in known]),
        "size": sizes,
    }
    return about | {name: ("output", values) for name, values in of.items()}


def sensitivity(
    method: str = "sobol", *, years: tuple[int, ...] = tuple(range(2024, 2031)), seed: int = 3
) -> xr.Dataset:
    """Results as ``drugfutures sensitivity`` writes them; the last output is constant."""
    rng = np.random.default_rng(seed)
    known = factors()
    count, outputs = len(known), len(years) + 1
    base = np.append(rng.permutation(0.45 * 0.8 ** np.arange(count - 1)), 0.004)
    total = np.abs(base[:, None] * rng.uniform(0.7, 1.3, (count, outputs)))
    first, half, both = 0.7 * total, 0.01 + 0.1 * total, ("factor", "output")
    names = NAMES[method]
    scale = 4000.0 if method in ("morris", "fractional-factorial") else 1.0
    total, first, half = total * scale, first * scale, half * scale
    total[:, -1] = first[:, -1] = half[:, -1] = np.nan
    held: dict[str, Any] = {
        names[0]: (both, first),
        f"{names[0]}_conf": (both, half),
        names[1]: (both, total),
        f"{names[1]}_conf": (both, half),
    }
    if method == "pawn":
        held |= {"minimum": (both, 0.5 * total), "maximum": (both, 1.6 * total)}
    if method == "morris":
        sign = rng.choice([-1, 1], (count, 1))
        held |= {
            "mu": (both, sign * total * rng.uniform(0.4, 1, (count, 1))),
            "sigma": (both, total * rng.uniform(0.05, 1.4, (count, 1))),
        }
    if method == "fractional-factorial":
        held["ME"] = (both, total * rng.choice([-1, 1], (count, 1)))
    if method == "sobol":
        pair = 0.3 * np.sqrt(total[:, None] * total[None]) * rng.uniform(0, 1, (count, count, 1))
        pair[np.tril_indices(count)] = np.nan
        held |= {
            "S2": (("factor", "factor2", "output"), pair),
            "S2_conf": (("factor", "factor2", "output"), np.full(pair.shape, 0.02)),
        }
    sizes = np.array([128, 256, 512, 1024])
    noise = (
        rng.normal(0, 1, (4, count, outputs)) * (0.02 * scale * np.sqrt(128 / sizes))[:, None, None]
    )
    noise[-1] = 0
    held |= {
        "verdict": ("output", ["converged"] * (outputs - 2) + ["not converged", "constant"]),
        "dummy": ("output", np.full(outputs, 0.008 * scale)),
        "width": ("output", np.full(outputs, 0.07 * scale)),
        "rank_stability": ("output", np.full(outputs, 0.97)),
        "more_runs": ("output", [0] * (outputs - 2) + [43008, 0]),
        "index_by_size": (("size", "factor", "output"), total[None] + noise),
    }
    coords = _labels(known, years, sizes)
    told = {
        "method": method,
        "n": 1024,
        "runs": 43008,
        "title": "What drives 2030",
        "drawn": "posterior",
        "package_version": "0.1.0",
    }
    return xr.Dataset(held, coords=coords, attrs=told)
