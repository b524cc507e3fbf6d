"""The one error a user's input can raise: what is wrong, where, and what is allowed."""

from __future__ import annotations

from collections.abc import Iterable


class InputError(Exception):
    """A mistake in a table, a file or an argument, told so that its author can mend it.

    ``file``, ``line`` and ``key`` say where; ``given`` is the offending value and ``allowed``
    what may stand there. The command line prints it and exits with status 2.
    """

    def __init__(
        self,
        message: str,
        *,
        file: str | None = None,
        line: int | None = None,
        key: str | None = None,
        given: object = None,
        allowed: str | Iterable[str] | None = None,
    ) -> None:
        self.message = message
        self.file = file
        self.line = line
        self.key = key
        self.given = given
        if allowed is not None and not isinstance(allowed, str):
            allowed = ", ".join(allowed)
        self.allowed = allowed
        super().__init__(str(self))

    def __str__(self) -> str:
        place = ""
        if self.file is not None:
            place = self.file if self.line is None else f"{self.file}, line {self.line}"
            place += ": "
        parts = [f"{place}{self.message}"]
        if self.key is not None:
            parts.append(f"  key:     {self.key}")
        if self.given is not None:
            parts.append(f"  given:   {self.given!r}")
        if self.allowed is not None:
            parts.append(f"  allowed: {self.allowed}")
        return "\n".join(parts)


class MissingParameter(InputError):
    """No row of parameters.csv gives ``parameter`` to ``owner``, its kind or all."""

    def __init__(self, message: str, *, owner: str, parameter: str, allowed: str) -> None:
        self.owner = owner
        self.parameter = parameter
        super().__init__(
            message, file="parameters.csv", key=parameter, given="(no row)", allowed=allowed
        )
