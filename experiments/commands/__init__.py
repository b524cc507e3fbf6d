"""The commands: words and options that a user types, and what they call."""
