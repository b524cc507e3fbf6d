"""The page for everyone: axe, reflow, sizes of targets, motion, forced colours, twins, one voice."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from experiments.runs import Options, run
from scenarios.texts import LANGUAGES
from tests.browser.checks import CUT, LEAST, SMALL, button, rests, said, violations
from tests.browser.serving import BEAMER, TABLET, TOKEN, Server, opened
