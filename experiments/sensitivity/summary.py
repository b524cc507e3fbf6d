"""What the terminal says of an analysis: leading factors of the main outputs, verdicts, advice."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from experiments.comparisons.told_first import rank
from experiments.sensitivity.methods import METHODS
from experiments.sensitivity.tables import OF_OUTPUT, told
from experiments.sensitivity.verdict import (
    CONVERGED,
    HARDLY,
    NO_DUMMY,
    ORDER_HOLDS,
    UNSETTLED,
    VERDICTS,
    threshold,
)

if TYPE_CHECKING:
    import xarray as xr
    from rich.table import Table

ROWS = 20  # of the table
LEADING = 3  # factors of a row
SHARES = ("S1", "ST")  # of the variance: 0 to 1 but for the error of the estimate
BEYOND = 0.01  # from which on a share below 0 or above 1 is told


def shown_outputs(dataset: xr.Dataset) -> npt.NDArray[np.int64]:
    """Outputs (n,) to tell of: the last year, the first group; those told first first."""
    year, group = dataset["year"].values, dataset["group"].values.astype(str)
    some = np.flatnonzero((year == year.max()) & (group == group[0]))
    indicator, product = (dataset[key].values.astype(str) for key in ("indicator", "product"))
    ranks = [rank(indicator[at], product[at]) for at in some]
    return some[np.argsort(ranks, kind="stable")].astype(np.int64)


def leading(dataset: xr.Dataset, output: int) -> list[tuple[str, float, float]]:
    """Labels, index, half-width of factors with an interval above the dummy, largest first."""
    one = dataset.isel(output=output)
    index = one[str(dataset.attrs["main_index"])].values
    half = one[str(dataset.attrs["half_width"])].values
    labels = one["factor_label"] if "factor_label" in one.coords else one["factor"]
    share = str(dataset.attrs["main_index"]) not in OF_OUTPUT
    bar = float(threshold(np.asarray(one["dummy"].values, dtype=np.float64), share))
    order = np.argsort(-np.abs(np.nan_to_num(index)), kind="stable")[:LEADING]
    low = np.abs(index) - np.nan_to_num(half)
    above = [at for at in order if low[at] > bar]
    return [(str(labels.values[at]), float(index[at]), float(half[at])) for at in above]


def out_of_range(dataset: xr.Dataset) -> npt.NDArray[np.bool_]:
    """Outputs (outputs,) with impossible shares of the variance: below 0, above 1, S1 above ST."""
    shares = {name: dataset[name].values for name in SHARES if name in dataset}
    wrong = [(seen < -BEYOND) | (seen > 1.0 + BEYOND) for seen in shares.values()]
    if len(shares) == len(SHARES):
        wrong.append(shares["S1"] > shares["ST"] + BEYOND)
    if not wrong:
        return np.zeros(dataset["verdict"].shape, bool)
    return np.asarray(np.stack(wrong).reshape(-1, *dataset["verdict"].shape).any(axis=0))


def _above(dataset: xr.Dataset) -> str:
    if np.isfinite(dataset["dummy"].values).any():
        return "above the dummy"
    floor = NO_DUMMY if str(dataset.attrs["main_index"]) not in OF_OUTPUT else 0.0
    return f"above {floor:g} (a floor that we chose: there is no dummy here)"


def _order(stability: float) -> str:
    if np.isnan(stability):
        return "ranks not judged"
    return "the order holds" if stability >= ORDER_HOLDS else "the order may change"


def table_of(dataset: xr.Dataset) -> Table:
    """Leading factors with 95% intervals of the main outputs in the last year."""
    from rich import box
    from rich.table import Table

    shown = shown_outputs(dataset)
    year, group = dataset["year"].values.max(), dataset["group"].values[0]
    attributes = dataset.attrs
    index = told(str(attributes["main_index"]))
    unit = "no unit" if index["units"] == "1" else index["units"]
    caption = (
        f"Numbers: {attributes['main_index']}, {index['long_name']} ({unit}), plus or minus its "
        f"half-width, 95%. Only factors whose interval lies {_above(dataset)}. "
        "Other outputs: sensitivity.csv."
    )
    table = Table(
        title=f"{attributes['method_title']}: what drives {group} in {year}",
        title_justify="left",
        caption=caption,
        caption_justify="left",
        box=box.SIMPLE,
        show_edge=False,
        pad_edge=False,
        expand=True,
    )
    table.add_column("output", ratio=3, overflow="fold")
    table.add_column("leading factors", ratio=6, overflow="fold")
    table.add_column("verdict", ratio=2, overflow="fold")
    several = len(np.unique(dataset["scenario"].values)) > 1
    for at in shown[:ROWS]:
        one = dataset.isel(output=at)
        mean, sd = float(one["output_mean"]), float(one["output_sd"])
        name = f"{one['indicator'].item()}, {one['product'].item()}\nmean {mean:.4g}, sd {sd:.2g}"
        if "unit" in one.coords:
            name = f"{name} ({one['unit'].item()})"
        if several:
            name = f"{name}\n{one['scenario'].item()}"
        lines = [
            f"{label} {index:.3g} ({index - half:.3g} to {index + half:.3g})"
            for label, index, half in leading(dataset, int(at))
        ]
        verdict = str(one["verdict"].item())
        if verdict == UNSETTLED and int(one["more_runs"]) > 0:
            verdict += f"\n{int(one['more_runs'])} more points"
        if verdict.startswith((CONVERGED, UNSETTLED)):
            verdict += f"\n{_order(float(one['rank_stability']))}"
        if sd < HARDLY * abs(mean):
            verdict += "\nhardly varies"
        said = f"none {_above(dataset)}" if verdict.startswith((CONVERGED, UNSETTLED)) else "-"
        table.add_row(name, "\n".join(lines) or said, verdict)
    return table


def lines_of(dataset: xr.Dataset) -> Iterator[str]:
    """Counts of verdicts, the rule, what to do, which factors replay."""
    attributes = dataset.attrs
    verdicts = dataset["verdict"].values.astype(str)
    counts = {name: int((verdicts == name).sum()) for name in VERDICTS}
    told = ", ".join(f"{many} {name}" for name, many in counts.items() if many)
    yield f"{len(verdicts)} outputs: {told}."
    yield f"Rule: {attributes['rule']}."
    yield f"Outputs are {attributes['outputs_are']}."
    if attributes["notes"]:
        yield f"Note: {attributes['notes']}."
    beyond = int(out_of_range(dataset).sum())
    if beyond:
        yield (
            f"Shares below 0 or above 1, or S1 above ST (in {beyond} outputs), are the error of "
            "the estimate: more points bring them back."
        )
    yield from advice(dataset, counts)
    for name, text in (("replayed", "Replayed from 2010"), ("branched", "From the branch on")):
        if attributes.get(name):
            yield f"{text}: {attributes[name]}."


def advice(dataset: xr.Dataset, counts: dict[str, int]) -> Iterator[str]:
    """What to do about outputs that have not converged or have no index."""
    method = METHODS[str(dataset.attrs["method"])]
    more = dataset["more_runs"].values
    unsettled = dataset["verdict"].values.astype(str) == UNSETTLED
    if counts[UNSETTLED] and method.fixed:
        yield (
            "What to do: this design has one size; use it to screen, then sobol or pawn on the "
            "factors that matter."
        )
    elif counts[UNSETTLED]:
        asked = more[unsettled]
        step = int(dataset.attrs["runs"]) // int(dataset.attrs["n"])
        points = int(dataset.attrs["runs"])
        median, most = (int(np.quantile(asked, at, method="higher")) for at in (0.5, 1.0))
        yield (
            f"What to do: --n {(points + median) // step} would do for half of those not "
            f"converged, --n {(points + most) // step} for all, if intervals shrink as "
            "1/sqrt(N); or vary fewer factors, or use groups. Until then an order of factors may "
            "be read only where rank_stability is 0.9 or more."
        )
    elif counts[CONVERGED]:
        yield "What to do: nothing; indices can be read as they are."
    if counts["undefined"]:
        yield (
            "Undefined: some run gives no number, or the variance lies in too few runs; no index "
            "is given."
        )
