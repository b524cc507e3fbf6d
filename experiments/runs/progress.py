"""How long work is shown on the terminal when its stages differ in length."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console


@contextmanager
def share_done(stop: Callable[[], None]) -> Iterator[Callable[[str, float], None]]:
    """A bar of the share of all work done, and what is done now; lines where no terminal is.

    Gives what takes both; it calls ``stop`` first, which raises when the work is to end.
    """
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as progress:
        task = progress.add_task("reading the tables", total=1.0)

        def advance(what: str, share: float) -> None:
            stop()
            progress.update(task, description=what, completed=share)
            if not console.is_terminal:
                console.print(f"{share:4.0%} {what}", highlight=False)

        yield advance
