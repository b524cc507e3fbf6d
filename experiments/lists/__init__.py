"""What ``drugfutures show`` prints of tables, figures and levers."""
