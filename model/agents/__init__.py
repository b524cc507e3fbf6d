"""The agent engine: people one by one, their ties, and the institutions around them.

It simulates the Markov chain whose expectation the compartmental engine computes, with hazards of
the same functions (docs/decisions/016); refinements can be switched on one by one.
"""
