"""Commands of the fit: calibrate, backtest, coverage, and their reports."""
