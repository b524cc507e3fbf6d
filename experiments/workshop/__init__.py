"""The workshop page: levers in the browser, answered by the compartments while the hand moves."""
