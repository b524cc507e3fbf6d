"""Every sentence of the page is there in four languages, with the same gaps."""

from __future__ import annotations

import pytest

from experiments.workshop.wording import own_sentences
from scenarios.texts import LANGUAGES, placeholders


@pytest.mark.parametrize("key", own_sentences())
def test_a_sentence_is_whole_in_every_language(key: str) -> None:
    said = own_sentences()[key]
    # A comma without quotes in the file cuts a sentence and leaves a language that is none.
    assert set(said) == set(LANGUAGES)
    assert all(str(text or "").strip() for text in said.values())
    assert len({tuple(placeholders(text)) for text in said.values()}) == 1
