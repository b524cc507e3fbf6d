"""What a store holds by now: done, failed, missing, damaged, and why."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.batch import store
from experiments.batch.blocks import check_all, name_of
from experiments.batch.job import Failure
from experiments.batch.journal import History, read_history
from experiments.batch.objects import StorageError
from model.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

LISTED = 50  # failed rows of a table; JSON has all
SPREADS = 2_000_000  # means by draw, scenario and output that the hint holds


@dataclass(frozen=True)
class Status:
    """A store, as its manifests tell; rows are counted.

    ``failures``: every failed row; ``damaged``: blocks and what is wrong with them, and labels
    where asked to verify; ``trouble``: blocks not written, and why the last attempt ended;
    ``again``: blocks begun once more, by the logs; ``counts``: scenarios, points, draws, seeds.
    """

    url: str
    title: str
    question: str
    digest: str
    rows: int
    outputs: int
    blocks: int
    block: int
    done: int
    failed: int
    missing: int
    blocks_done: int
    size: int
    counts: dict[str, int]
    failures: tuple[tuple[Failure, dict[str, Any]], ...]
    damaged: dict[str, str]
    trouble: dict[int, str]
    again: int
    verified: bool

    @property
    def complete(self) -> bool:
        """Whether every row has its values and nothing is known to be damaged."""
        return self.done == self.rows and not self.damaged


def status_of(url: str, verify: bool = False) -> Status:
    """What a store holds; ``verify`` reads everything and checks it. Raises InputError."""
    opened = store.find(url)
    grid, told = opened.grid, opened.attributes
    try:
        sizes = opened.objects.sizes()
        known = [block for block in range(grid.blocks) if name_of(block) in sizes]
        checked = check_all(opened.objects, grid, known, 2 if verify else 0)
        damaged = {f"block {c.block}": c.why for c in checked if c.state == "damaged"}
        if verify:
            wrong = "not as it was written; `drugfutures batch` writes it anew"
            damaged |= dict.fromkeys(store.damaged_labels(opened), wrong)
    except StorageError as error:
        raise InputError(str(error), key="STORE", given=url) from None
    labels = _labels(opened)
    whole = [c for c in checked if c.state == "done"]
    failures = [failure for c in whole for failure in c.failures]
    written = sum(last - first for first, last in (grid.span(c.block) for c in whole))
    history: History = read_history(opened.objects.url)
    held = {c.block for c in whole}
    return Status(
        url=opened.objects.url,
        title=str(told.get("title", "")),
        question=str(told.get("question", "")),
        digest=grid.digest,
        rows=grid.rows,
        outputs=grid.outputs,
        blocks=grid.blocks,
        block=grid.block,
        done=written - len(failures),
        failed=len(failures),
        missing=grid.rows - written,
        blocks_done=len(whole),
        size=sum(sizes.values()),
        counts={f"{name}s": len(set(values)) for name, values in labels.items()},
        failures=tuple((f, {n: v[f.row] for n, v in labels.items()}) for f in failures),
        damaged=damaged,
        trouble={block: why for block, why in history.trouble.items() if block not in held},
        again=history.again,
        verified=verify,
    )


def _labels(opened: store.Opened) -> dict[str, list[Any]]:
    """Labels of the rows, by name in the order of a run; none where they cannot be read."""
    import zarr

    found = {}
    for name in ("scenario", "point", "draw", "statistic", "seed"):
        try:
            group = zarr.open_group(opened.objects.url, mode="r")
            if name in group:
                found[name] = np.asarray(group[name][:]).tolist()  # type: ignore[index]
        except Exception:  # damaged, which --verify tells
            continue
    return found


def print_status(url: str, verify: bool, form: str, screen: Console) -> bool:
    """Print the status of a store as a table or JSON; gives whether it is complete.

    Raises InputError where no store is.
    """
    status = status_of(url, verify)
    if form == "json":
        screen.print(json.dumps(_plain(status), indent=2, ensure_ascii=False), soft_wrap=True)
        return status.complete
    for line in lines(status):
        screen.print(line, soft_wrap=True, markup=False)
    return status.complete


def _plain(status: Status) -> dict[str, Any]:
    told = {name: getattr(status, name) for name in Status.__dataclass_fields__}
    told["failures"] = [
        {"row": failure.row, **labels, "reason": failure.reason}
        for failure, labels in status.failures
    ]
    told["trouble"] = {str(block): why for block, why in status.trouble.items()}
    return {"complete": status.complete, **told}


def lines(status: Status) -> Iterator[str]:
    """A status as lines of text."""
    yield status.title
    if status.question:
        yield status.question
    counts = " x ".join(f"{number} {what}" for what, number in status.counts.items())
    if np.prod(list(status.counts.values())) != status.rows:  # each point names its own draw
        counts = ", ".join(f"{number} {what}" for what, number in status.counts.items())
    yield f"{status.rows} runs ({counts}), {status.outputs} outputs each; {size(status.size)}"
    yield ""
    yield f"  done     {status.done:>10}"
    yield f"  failed   {status.failed:>10}"
    left = status.blocks - status.blocks_done
    yield f"  missing  {status.missing:>10}" + (
        f"   ({left} of {status.blocks} blocks)" if left else ""
    )
    if status.again:
        yield f"  {status.again} blocks were begun more than once (the log beside the store)"
    for failure, labels in status.failures[:LISTED]:
        named = ", ".join(f"{name} {value}" for name, value in labels.items())
        yield f"failed: row {failure.row} ({named}): {failure.reason}"
    if len(status.failures) > LISTED:
        yield f"... and {len(status.failures) - LISTED} more: --format json has them all"
    for block, why in sorted(status.trouble.items()):
        yield f"not written: block {block}: {why}"
    for what, why in status.damaged.items():
        yield f"damaged: {what}: {why}"
    if status.verified and not status.damaged:
        yield "every block and every label is as it was written"
    if status.missing or status.damaged:
        yield "`drugfutures batch` with the same study and store computes what is missing"


def size(number: float) -> str:
    """A number of bytes, in words."""
    for unit in ("bytes", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.0f} {unit}" if unit == "bytes" else f"{number:.1f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def is_local(url: str) -> bool:
    """Whether reading a whole store again costs little."""
    return "://" not in url or Path(url).exists()


def draws_hint(url: str) -> str | None:
    """How well means are known with the draws of a store, in words; None where it cannot be told.

    The mean of each output over points and seeds is taken by draw; from their spread follows the
    standard error of the mean over draws. Reads values block by block.
    """
    dataset = store.open_store(url)
    if "draw" not in dataset.coords or "values" not in dataset:
        return None
    numbers, draw = np.unique(dataset["draw"].to_numpy(), return_inverse=True)
    names, scenario = np.unique(dataset["scenario"].to_numpy(), return_inverse=True)
    if len(numbers) < 2:
        return (
            "One draw: the results say nothing of how uncertain the parameters are (`draws` in the "
            "study file)."
        )
    outputs = dataset.sizes["output"]
    step = max(1, -(-outputs * len(numbers) * len(names) // SPREADS))
    kept = np.arange(0, outputs, step)
    sums = np.zeros((len(numbers), len(names), len(kept)))
    counted = np.zeros((len(numbers), len(names), 1))
    done = dataset["state"].to_numpy() == "done"
    block = int(dataset.attrs["block"])
    for first in range(0, len(done), block):
        rows = slice(first, first + block)
        at = draw[rows][done[rows]], scenario[rows][done[rows]]
        values = dataset["values"][rows].to_numpy()[done[rows]][:, kept]
        np.add.at(sums, at, values)
        np.add.at(counted, at, 1.0)
    if not counted.all():
        return None
    means = sums / counted
    error = means.std(axis=0, ddof=1) / np.sqrt(len(numbers))
    level = np.abs(means.mean(axis=0))
    relative = (error[level > 0] / level[level > 0]).ravel()
    if not len(relative):
        return None
    half, most = np.quantile(relative, [0.5, 0.9])
    return (
        f"With {len(numbers)} draws the mean of an output is known to {half:.1%} (half of the "
        f"outputs; nine in ten: {most:.1%}), one standard error. Half of that takes "
        f"{4 * len(numbers)} draws."
    )
