"""One run: what was asked, its parts, its results and their folder."""
