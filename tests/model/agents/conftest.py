"""What the tests of the agents share: compartmental states that agents set out from."""

from __future__ import annotations

import pytest

from model.compartments import Prepared, State, reference_and_branches

FROM = 168  # January 2024


@pytest.fixture(scope="session")
def states(prepared: Prepared) -> dict[int, State]:
    """The reference at the start of January 2010 and of January 2024, by month."""
    return reference_and_branches(prepared, [0, FROM])[1]
