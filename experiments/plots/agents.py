"""The plots of what only agents can tell, of the reference scenario."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import xarray as xr

from experiments.plots.agent_dots import (
    burden,
    clusters,
    products_used,
    treated_by_number,
    waits,
)
from experiments.plots.agent_maps import joint_use, pathways
from experiments.plots.agent_reader import Agents
from experiments.plots.scenario_sheet import Picture


def agent_pictures(dataset: xr.Dataset) -> Iterator[Picture]:
    """All pictures of ``agents.nc``, one after the other; those without a value are left out."""
    agents = Agents(dataset)
    makers: tuple[tuple[str, Callable[[Agents], Picture]], ...] = (
        ("joint_use", joint_use),
        ("products_used", products_used),
        ("treated_by_number", treated_by_number),
        ("pathways", pathways),
        ("waits", waits),
        ("assortativity", clusters),
        ("burden_with_disorder", burden),
    )
    for name, make in makers:
        if np.isfinite(agents.values(name)).any():
            yield make(agents)
