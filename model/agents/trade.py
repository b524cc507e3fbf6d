"""Prices of the month: the equations of the compartments, or actors who trade."""

from __future__ import annotations

from typing import TYPE_CHECKING

from model.agents.crowd import Crowd
from model.trading import trade

if TYPE_CHECKING:
    import mesa


class Trade:
    """Sets prices and purity in the compartmental state, and what follows for harm."""

    def __init__(self, model: mesa.Model, crowd: Crowd) -> None:
        self.crowd = crowd

    def month(self, month: int) -> None:
        """Prices of a month."""
        trade(self.crowd.run, month, False)
