"""Known answers of sensitivity analysis, by the code that analyses batches.

Ishigami and Homma (1990) and Sobol's G (Saltelli and Sobol' 1995): indices in closed form. The
shallow lake of Carpenter, Ludwig and Brock (1999), with the outcomes and ranges of the exploratory
literature (Kwakkel 2017; Quinn et al. 2017): no closed form, so conditional variances are computed
by brute force, apart from any design; the recycling exponent and the removal rate lead.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pytest
from SALib.sample import fast_sampler, latin
from SALib.sample import morris as morris_sampler
from SALib.sample import sobol as sobol_sampler

from experiments.sensitivity.analyse import Found, analyse
from experiments.sensitivity.methods import METHODS
from experiments.sensitivity.problem import Float, Problem, Settings
from tests.published.bounds import Case, off_by

PI = np.pi
# Variance of Ishigami with a = 7, b = 0.1, in parts.
A, B = 7.0, 0.1
FIRST = 0.5 * (1.0 + B * PI**4 / 5.0) ** 2
SECOND = A**2 / 8.0
MIXED = B**2 * PI**8 * (1.0 / 18.0 - 1.0 / 50.0)
WHOLE = FIRST + SECOND + MIXED
ISHIGAMI_FIRST = np.array([FIRST, SECOND, 0.0]) / WHOLE
ISHIGAMI_TOTAL = np.array([FIRST + MIXED, SECOND, MIXED]) / WHOLE
ISHIGAMI = Problem(("x1", "x2", "x3"), np.array([[-PI, PI]] * 3))

WEIGHTS = np.array([0.0, 1.0, 4.5, 9.0, 99.0, 99.0, 99.0, 99.0])
G = Problem(tuple(f"x{k}" for k in range(1, 9)), np.array([[0.0, 1.0]] * 8))

LAKE = Problem(
    ("b", "q", "mean", "stdev", "delta"),
    np.array([[0.1, 0.45], [2.0, 4.5], [0.01, 0.05], [0.001, 0.005], [0.93, 0.99]]),
)
YEARS = 100
RELEASE = 0.02  # by people, a year
WEIGHT_OF_USE = 0.4  # of the released, in the utility


def ishigami(points: Float) -> Float:
    x, y, z = points.T
    return np.asarray(np.sin(x) + A * np.sin(y) ** 2 + B * z**4 * np.sin(x))[:, None]


def sobol_g(points: Float) -> Float:
    parts = (np.abs(4.0 * points - 2.0) + WEIGHTS) / (1.0 + WEIGHTS)
    return np.asarray(parts.prod(axis=1))[:, None]


def g_indices() -> tuple[Float, Float]:
    each = 1.0 / (3.0 * (1.0 + WEIGHTS) ** 2)
    whole = np.prod(1.0 + each) - 1.0
    return each / whole, each * (np.prod(1.0 + each) / (1.0 + each)) / whole


def lake(points: Float) -> Float:
    """Mean pollution over 100 years, and the discounted utility: (points, 2).

    X' = X + release + natural inflow + X^q / (1 + X^q) - b X. Inflows are lognormal; the same
    quantiles, spread over the years, serve every point, so that the lake has no noise of its own.
    """
    from scipy.stats import norm

    b, q, mean, spread, delta = points.T
    order = np.random.default_rng(5).permutation(YEARS)
    scores = norm.ppf((np.arange(YEARS) + 0.5) / YEARS)[order]
    log_variance = np.log1p((spread / mean) ** 2)
    log_mean = np.log(mean) - 0.5 * log_variance
    held = np.zeros(len(points))
    total, utility = np.zeros(len(points)), np.zeros(len(points))
    for year, score in enumerate(scores):
        inflow = np.exp(log_mean + score * np.sqrt(log_variance))
        recycled = held**q / (1.0 + held**q)
        held = held + RELEASE + inflow + recycled - b * held
        total += held
        utility += WEIGHT_OF_USE * RELEASE * delta**year
    return np.column_stack([total / YEARS, utility])


def by_sobol(
    problem: Problem, n: int, values_of: Callable[[Float], Float], second: bool = False
) -> Found:
    points = sobol_sampler.sample(problem.salib(), n, calc_second_order=second, seed=11)
    settings = Settings(second_order=second, resamples=200)
    return analyse(points, values_of(points), problem, METHODS["sobol"], settings)


def within(
    case: Case, about: str, found: Found, known: Mapping[str, Float], slack: float = 1.0
) -> None:
    """Indices beside the known ones, within their own intervals."""
    for name, expected in known.items():
        wide = found.tables[f"{name}_conf"][:, 0]
        for k, there in enumerate(expected):
            bound = off_by(float(slack * wide[k] + 1e-4))
            ours = float(found.tables[name][k, 0])
            case(f"{about}: {name} of factor {k + 1}", float(there), ours, bound)


def test_ishigami_by_sobol(case: Case) -> None:
    found = by_sobol(ISHIGAMI, 4096, ishigami, second=True)
    within(case, "Ishigami, Sobol", found, {"S1": ISHIGAMI_FIRST, "ST": ISHIGAMI_TOTAL})
    pairs = found.tables["S2"][:, :, 0]
    wide = found.tables["S2_conf"][:, :, 0]
    words = "Ishigami, Sobol: S2 of factors 1 and 3"
    case(words, MIXED / WHOLE, float(pairs[0, 2]), off_by(float(wide[0, 2])))
    assert abs(pairs[0, 1]) <= wide[0, 1]
    assert found.verdict[0] == "converged"


def test_ishigami_by_fast_and_rbd_fast(case: Case) -> None:
    points = fast_sampler.sample(ISHIGAMI.salib(), 4097, seed=11)
    found = analyse(points, ishigami(points), ISHIGAMI, METHODS["fast"])
    for name, known, wide in (("S1", ISHIGAMI_FIRST, 0.03), ("ST", ISHIGAMI_TOTAL, 0.05)):
        for k, there in enumerate(known):
            words = f"Ishigami, eFAST: {name} of factor {k + 1}"
            case(words, float(there), float(found.tables[name][k, 0]), off_by(wide))
    points = latin.sample(ISHIGAMI.salib(), 4000, seed=11)
    found = analyse(points, ishigami(points), ISHIGAMI, METHODS["rbd-fast"])
    within(case, "Ishigami, RBD-FAST", found, {"S1": ISHIGAMI_FIRST})


def test_ishigami_by_the_density_methods() -> None:
    """The order of the factors: x2, x1, x3, as the shapes of the conditional densities have it."""
    points = latin.sample(ISHIGAMI.salib(), 2000, seed=11)
    found = analyse(points, ishigami(points), ISHIGAMI, METHODS["delta"], Settings(resamples=20))
    delta = found.tables["delta"][:, 0]
    assert delta[1] > delta[0] > delta[2] > found.dummy[0]
    found = analyse(points, ishigami(points), ISHIGAMI, METHODS["pawn"])
    median = found.tables["median"][:, 0]
    assert median[1] > median[0] > median[2]


def test_sobol_g(case: Case) -> None:
    first, total = g_indices()
    found = by_sobol(G, 4096, sobol_g)
    within(case, "Sobol G, Sobol", found, {"S1": first})
    within(case, "Sobol G, Sobol", found, {"ST": total}, slack=1.5)  # eight intervals of 95%
    above = found.tables["ST"][:, 0] > found.dummy[0]
    assert above.all()  # all eight have some influence, four of them next to none
    points = morris_sampler.sample(G.salib(), 200, num_levels=8, seed=11)
    screened = analyse(points, sobol_g(points), G, METHODS["morris"], Settings(levels=8))
    order = np.argsort(-screened.tables["mu_star"][:, 0])
    assert order[:4].tolist() == [0, 1, 2, 3]


def brute_force(problem: Problem, factor: int, outer: int, inner: int) -> float:
    """Var(E[y | factor]) / Var(y) of the lake, from nested random samples, corrected for inner
    noise."""
    rng = np.random.default_rng(1)
    low, high = problem.bounds.T
    points = rng.uniform(low, high, size=(outer, inner, problem.size))
    points[:, :, factor] = rng.uniform(low[factor], high[factor], size=(outer, 1))
    values = lake(points.reshape(-1, problem.size))[:, 0].reshape(outer, inner)
    noise = values.var(axis=1, ddof=1).mean() / inner
    return float((values.mean(axis=1).var(ddof=1) - noise) / values.var())


def test_the_lake(case: Case) -> None:
    found = by_sobol(LAKE, 2048, lake)
    first, total = found.tables["S1"], found.tables["ST"]
    names = [LAKE.names[at] for at in np.argsort(-total[:, 0])]
    assert set(names[:2]) == {"b", "q"}
    assert total[:2, 0].sum() > 5.0 * total[2:, 0].sum()
    # How the future is discounted has no part in how much is in the lake: exactly none.
    assert total[4, 0] == 0.0 <= found.dummy[0]
    # Utility is of the release alone, so of delta alone.
    assert total[4, 1] == pytest.approx(1.0, abs=3.0 * found.tables["ST_conf"][4, 1])
    assert np.abs(total[:4, 1]).max() < 1e-12
    for factor in (0, 1):
        known = brute_force(LAKE, factor, 600, 300)
        spread = 3.0 * np.sqrt(2.0 / 600) * known
        bound = off_by(float(found.tables["S1_conf"][factor, 0] + spread))
        words = f"Shallow lake, by brute force: S1 of {LAKE.names[factor]}"
        case(words, known, float(first[factor, 0]), bound)
