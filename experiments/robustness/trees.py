"""Boxes of CART: the leaves of a classification tree, each a range of some factors.

A tree splits all cases in two, again and again, where that tells the cases of interest best apart.
Its boxes do not overlap and together hold every case. Splits at the ends of the tree that luck
explains are joined again. The algorithm is that of ema-workbench
(scikit-learn); a leaf holds at least a share of the cases.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.robustness.boxes import LEAST_MASS, Box, Limit, box_of, quiet, with_quasi_p
from experiments.robustness.futures import Bool

if TYPE_CHECKING:
    import pandas as pd

TRIED = 10
"""A split is the best of many tried: its p-value is multiplied by this for each factor."""
REAL = 0.05
SEED = 1  # of ties between equally good splits


def leaves(x: pd.DataFrame, y: Bool, mass: float = LEAST_MASS) -> list[Box]:
    """The leaves of the tree, densest in cases of interest first; one without limits: no split.

    ``x``: a column a factor; ``y`` (cases,): which are of interest.
    """
    with quiet():
        from ema_workbench.analysis import cart

        # An unordered factor becomes one column for each of its values.
        wide = x.reset_index(drop=True).astype(
            {name: "category" for name in x.columns if x[name].dtype.kind not in "fi"}
        )
        found = cart.CART(wide, np.asarray(y, dtype=bool), mass_min=mass)
        state = np.random.get_state()  # noqa: NPY002 - scikit-learn breaks ties with the global one
        try:
            np.random.seed(SEED)  # noqa: NPY002
            found.build_tree()
        finally:
            np.random.set_state(state)  # noqa: NPY002
    boxes = [box_of(with_quasi_p(one, x, y), x, y) for one in _leaves(found, x)]
    return sorted(boxes, key=lambda one: -one.density)


def _leaves(found: Any, x: pd.DataFrame) -> list[list[Limit]]:
    """Limits of each leaf, read from the tree.

    ``CART.boxes`` of ema-workbench loses the values of unordered factors: its boxes share one set
    of them, and the side on which a value is left alone is not read.
    """
    tree = found.clf.tree_
    hits = tree.value[:, 0, -1] / tree.value[:, 0, :].sum(axis=1) * tree.n_node_samples

    def walk(node: int, path: dict[str, Any]) -> list[dict[str, Any]]:
        if tree.children_left[node] < 0:
            return [path]
        name, _, value = found.feature_names[tree.feature[node]].partition(found.sep)
        edge = float(tree.threshold[node])
        ends = []
        for child, left in ((tree.children_left[node], True), (tree.children_right[node], False)):
            if value:
                known = path.get(name, frozenset(x[name]))
                own = known - {value} if left else known & {value}
            else:
                low, high = path.get(name, (None, None))
                own = (low, edge) if left else (edge, high)
            ends += walk(child, {**path, name: own})
        sides = [tree.children_left[node], tree.children_right[node]]
        by_luck = _chance(hits[sides], tree.n_node_samples[sides]) * TRIED * x.shape[1] >= REAL
        return [path] if len(ends) == 2 and by_luck else ends

    return [[_limit(name, own) for name, own in path.items()] for path in walk(0, {})]


def _chance(hits: Any, cases: Any) -> float:
    """Chance that two leaves differ as much by luck (Fisher's exact test)."""
    from scipy.stats import fisher_exact

    hits = np.rint(hits).astype(int)
    return float(fisher_exact(np.stack([hits, cases - hits])).pvalue)


def _limit(name: str, own: Any) -> Limit:
    if isinstance(own, frozenset):
        return Limit(name, values=tuple(sorted(own)))
    return Limit(name, *own)
