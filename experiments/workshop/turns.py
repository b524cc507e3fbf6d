"""Long work that somebody asked for with a button: of one page at a time.

So thirty people who ask at once cannot take the machine from those whose hand moves.
"""

from __future__ import annotations

import asyncio

TURN = asyncio.Semaphore(1)
