"""Odd values, and ways to put them into something good. The same for the same seed."""

from __future__ import annotations

import random
from typing import Any

ODD: tuple[Any, ...] = (
    None,
    True,
    -1,
    2**70,
    1e308,
    0.5,
    "",
    "x" * 5000,
    "\x00\r\n",
    "𝔘𐀀\ud800",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    [],
    [[[[[[[[[[[]]]]]]]]]]],
    {},
    {"__proto__": 1, "__class__": "x"},
    ["{", "["],
    [{}],
    ["1"] * 1000,
)


def mutated_value(value: Any, chance: random.Random) -> Any:
    """The same with something odd in one place."""
    if isinstance(value, dict) and value and chance.random() < 0.8:
        key = chance.choice(list(value))
        if chance.random() < 0.15:
            return {**value, f"{key}x": value[key]}
        return {**value, key: mutated_value(value[key], chance)}
    if isinstance(value, list) and value and chance.random() < 0.8:
        place = chance.randrange(len(value))
        return [mutated_value(one, chance) if i == place else one for i, one in enumerate(value)]
    return chance.choice(ODD)


def mutated_text(text: str, chance: random.Random) -> str:
    """The same with some characters lost, doubled or changed."""
    for _ in range(chance.randint(1, 4)):
        place, cut = chance.randrange(len(text)), chance.choice([0, 1, 5])
        odd = chance.choice(["", "{", '"', ":", "\x00", "9", "é", "\n", "&a", "*a", "!!x"])
        text = text[:place] + odd + text[place + cut :]
    return text
