"""Scenarios beside each other: differences, scoreboard, explanations, money."""
