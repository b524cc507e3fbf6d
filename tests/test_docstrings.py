"""Docstrings say what types cannot: shapes of arrays, units of numbers, errors to expect.

Presence is ruff's rule D1. Here the source is read, never imported. What counts as text of a
function is its docstring and the comments of its signature; of a class, its docstring and the
comments at its fields. A convention of a whole file or class stands once, after "Shapes:" or
"Units:" in its docstring. The rules ask for a word: whether it is the right one, they cannot tell.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("model", "calibration", "scenarios", "experiments")
RULES = ("shape", "unit", "error")

# Arrays of the libraries; the aliases of the rooms are read from their files.
LABELLED = {"Dataset", "DataArray", "DataFrame"}
ARRAYS = {*LABELLED, "NDArray", "ndarray", "Float"}

# "(draws, years)", "(N,)", "[region, age]": axes between commas, not prose; or words for it.
PROSE = r"(?:a|an|as|and|with|in|is|are|by|so|not|no|see|for|to|it|but|none|else|such)"
AXIS = rf"(?!the\b)(?:(?!{PROSE}\b)[\w.+*/'-]+ ?){{1,5}}"
SHAPE = re.compile(
    rf"\((?: ?{AXIS},)+(?: ?{AXIS})?\)|\[(?: ?{AXIS},)* ?{AXIS}\]"
    r"|\b(?:shapes?|scalars?|broadcasts?|elementwise|columns?|dims?|dimensions?|ax[ei]s|flat)\b",
    re.IGNORECASE,
)
TABLE = re.compile(rf"{SHAPE.pattern}|\brows?\b", re.IGNORECASE)  # of what has labels
# Of time only where it is what is counted: "in years", ", seconds", "Months from".
TIME = r"(?:years|months|days|hours|minutes|seconds|ms)"
UNITS = re.compile(
    rf"(?:\bin|,|\() {TIME}\b|(?-i:\b(?:Years|Months|Days|Seconds)\b)|\byears of (?:age|life)\b"
    r"|\b(?:units?|persons?|people|person-years?|deaths?|DALYs?|QALYs?|agents?|candidates"
    r"|per (?:year|month|person|day|week|hour)|a (?:year|month|day|person)|rates?"
    r"|EUR|euros?|kg|grams?|litres?|doses?|times|0 to 1|0 and 1|1 where|1 in|1 for"
    r"|shares?|ratios?|multipl(?:iers?|y|ied)|factors? (?:on|of|by|1)|ind(?:ex|ices)|odds"
    r"|relative|per ?cent|uniforms?|probabilit(?:y|ies)|weights?|scores?|ranks?|correlations?"
    r"|standard (?:normals?|deviations?|errors?)|sds?|R2|logs?|logit|logarithms?|dimensionless"
    r"|elasticit(?:y|ies)|exponents?|exponential|pixels?|inch(?:es)?|bytes?|MiB|GiB|MB|GB)\b"
    r"|%|[(\[]0, 1[)\]]|= 1\b|(?-i:\bP\()",
    re.IGNORECASE,
)

# Raised to leave, not to report a mistake; or part of a protocol of Python.
NOT_TOLD = {"Exit", "Abort", "StopIteration", "NotImplementedError", "AssertionError"}
NOT_TOLD |= {"AttributeError", "KeyboardInterrupt", "SystemExit"}
# Decorators whose functions the docstring is shown for as help, or whose errors pydantic takes.
SHOWN = {"command", "callback", "field_validator", "model_validator", "validator"}

# Errors that cannot happen there, with the reason.
NEVER = {
    ("model/past.py", "start_state"): "start_and_past refuses other years than 2010 alone",
    ("model/strata.py", "default_strata"): "its ages are a constant that build_strata takes",
}
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Finding:
    """One missing word: where, by which rule, and what is asked for."""

    file: str
    line: int
    rule: str
    name: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.rule}: {self.name}: {self.wanted}"


@dataclass
class Module:
    """One file: its lines, and every function and class by qualified name."""

    file: str
    lines: list[str]
    about: str
    aliases: dict[str, str] = field(default_factory=dict)  # to "Float" or "NDArray"
    imported: list[ast.ImportFrom] = field(default_factory=list)
    functions: dict[str, Function] = field(default_factory=dict)
    classes: dict[str, ast.ClassDef] = field(default_factory=dict)


def public(qualified: str) -> bool:
    return not any(part.startswith("_") for part in qualified.split("."))


def names_in(annotation: ast.expr | None) -> Iterator[str]:
    """Names of types in an annotation; not of what a callable takes and gives."""
    match annotation:
        case None:
            return
        case ast.Constant(value=str() as text):
            yield from names_in(ast.parse(text, mode="eval").body)
        case ast.Name(id=name):
            yield name
        case ast.Attribute(attr=name):
            yield name
        case ast.Subscript(value=ast.Name(id="Callable" | "Literal")):
            return
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[first, *_])):
            yield from names_in(first)
        case ast.Subscript(value=value, slice=inner) if set(names_in(value)) == {"NDArray"}:
            yield "NDArray"
            if {"float64", "float32", "floating"} & set(names_in(inner)):
                yield "Float"
        case _:
            for child in ast.iter_child_nodes(annotation):
                if isinstance(child, ast.expr):
                    yield from names_in(child)


def arguments(function: Function) -> list[ast.arg]:
    given = function.args
    extra = [given.vararg, given.kwarg]
    return [*given.posonlyargs, *given.args, *given.kwonlyargs, *(arg for arg in extra if arg)]


def comments(lines: list[str]) -> str:
    return " ".join(line.partition("#")[2] for line in lines)


def text_of(module: Module, function: Function) -> str:
    head = module.lines[function.lineno - 1 : function.body[0].lineno - 1]
    return " ".join([ast.get_docstring(function) or "", comments(head)])


def agreed(module: Module, name: str, what: str) -> bool:
    """Whether the file, or the class that the function belongs to, tells it for all it holds."""
    owner = module.classes.get(name.rpartition(".")[0])
    texts = [module.about, (ast.get_docstring(owner) or "") if owner else ""]
    return any(f"{what}: " in text for text in texts)


def decorators(node: Function | ast.ClassDef) -> set[str]:
    found = (part.func if isinstance(part, ast.Call) else part for part in node.decorator_list)
    return {name for part in found for name in names_in(part)}


def read(file: str, source: str) -> Module:
    tree = ast.parse(source)
    module = Module(file, source.splitlines(), ast.get_docstring(tree) or "")
    for node in tree.body:
        if isinstance(node, Function):
            module.functions[node.name] = node
        elif isinstance(node, ast.ClassDef):
            module.classes[node.name] = node
            for part in node.body:
                if isinstance(part, Function):
                    module.functions[f"{node.name}.{part.name}"] = part
        elif isinstance(node, ast.ImportFrom):
            module.imported.append(node)
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Subscript):
            kinds = list(names_in(node.value))
            if kinds[:1] == ["NDArray"]:
                module.aliases[ast.unparse(node.targets[0])] = kinds[-1]
    return module


@cache
def modules() -> dict[str, Module]:
    """Every file of the rooms by dotted name, with the aliases that it imports from others."""
    found = {}
    for path in (path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))):
        name = path.relative_to(ROOT)
        dotted = ".".join(name.with_suffix("").parts)
        found[dotted] = read(name.as_posix(), path.read_text(encoding="utf-8"))
    own = {name: dict(module.aliases) for name, module in found.items()}
    for module in found.values():
        for node in module.imported:
            for one in node.names:
                kind = own.get(node.module or "", {}).get(one.name)
                if kind is not None:
                    module.aliases[one.asname or one.name] = kind
    return found


def kinds_in(module: Module, annotation: ast.expr | None) -> set[str]:
    """As ``names_in``, aliases of arrays read as what they stand for."""
    return {module.aliases.get(name, name) for name in names_in(annotation)}


# Shapes


def shapes(module: Module) -> Iterator[Finding]:
    for name, function in module.functions.items():
        # What a function takes with labels tells its own dims; what it makes it has to tell.
        taken = [kinds_in(module, part.annotation) for part in arguments(function)]
        has = (set().union(*taken) - LABELLED) | kinds_in(module, function.returns)
        has &= ARRAYS
        if not public(name) or not has or agreed(module, name, "Shapes"):
            continue
        wanted = SHAPE if has - LABELLED else TABLE
        if not wanted.search(text_of(module, function)):
            yield Finding(module.file, function.lineno, "shape", name, "shape, dims or columns")
    for name, node in module.classes.items():
        if public(name) and not SHAPE.search(ast.get_docstring(node) or ""):
            silent = [part for part in node.body if not shape_told(module, part)]
            if silent:
                called = ", ".join(ast.unparse(part).partition(":")[0] for part in silent)
                yield Finding(module.file, silent[0].lineno, "shape", name, f"shape of {called}")


def shape_told(module: Module, part: ast.stmt) -> bool:
    """Whether a comment at the field, or right above it, tells its shape; true if no array."""
    if not isinstance(part, ast.AnnAssign) or not ARRAYS & kinds_in(module, part.annotation):
        return True
    first = part.lineno - 1
    while module.lines[first - 1].lstrip().startswith("#"):
        first -= 1
    return bool(SHAPE.search(comments(module.lines[first : part.end_lineno])))


# Units


def units(module: Module) -> Iterator[Finding]:
    for name, function in module.functions.items():
        gives = kinds_in(module, function.returns) & {"Float", "float"}
        if not public(name) or not gives or agreed(module, name, "Units"):
            continue
        if not UNITS.search(text_of(module, function)):
            yield Finding(module.file, function.lineno, "unit", name, "unit of what it returns")


# Errors


class Raised(ast.NodeVisitor):
    """Errors that a body raises, and functions of the same file that it calls, by name."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self.errors: set[str] = set()
        self.calls: list[tuple[str, frozenset[str]]] = []
        self._caught: list[set[str]] = []

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        """A function inside runs later, if at all."""

    visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Try(self, node: ast.Try) -> None:
        caught = {name for handler in node.handlers for name in names_in(handler.type)}
        bare = any(handler.type is None for handler in node.handlers)
        self._caught.append(caught | ({"Exception"} if bare else set()))
        for part in node.body:
            self.visit(part)
        self._caught.pop()
        for other in (*node.handlers, *node.orelse, *node.finalbody):
            self.visit(other)

    def visit_With(self, node: ast.With) -> None:
        """Errors end at ``suppress``, and an InputError at ``refusals`` of a command."""
        caught: set[str] = set()
        for call in (item.context_expr for item in node.items):
            match call:
                case ast.Call(func=ast.Name(id="refusals")):
                    caught.add("InputError")
                case ast.Call(func=ast.Name(id="suppress"), args=errors):
                    caught.update(name for error in errors for name in names_in(error))
        self._caught.append(caught)
        self.generic_visit(node)
        self._caught.pop()

    def visit_Raise(self, node: ast.Raise) -> None:
        raised = node.exc.func if isinstance(node.exc, ast.Call) else node.exc
        last = raised.id if isinstance(raised, ast.Name) else getattr(raised, "attr", "")
        if last[:1].isupper() and not {last, "Exception"} & set().union(*self._caught):
            self.errors.add(last)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        caught = frozenset().union(*self._caught)
        match node.func:
            case ast.Name(id=name):
                self.calls.append((name, caught))
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name):
                self.calls.append((f"{self.owner}.{name}", caught))
        self.generic_visit(node)


def raised(module: Module) -> dict[str, set[str]]:
    """Errors of every function, with those of what it calls in the same file."""
    if not any(line.lstrip().startswith("raise ") for line in module.lines):
        return {}
    found: dict[str, Raised] = {}
    for name, function in module.functions.items():
        found[name] = Raised(name.rpartition(".")[0])
        for statement in function.body:
            found[name].visit(statement)
    errors = {name: set(body.errors) for name, body in found.items()}
    made = {name: [f"{name}.__init__", f"{name}.__post_init__"] for name in module.classes}
    changed = True
    while changed:
        changed = False
        for name, body in found.items():
            for called, caught in body.calls:
                for target in made.get(called, [called]):
                    new = errors.get(target, set()) - caught - errors[name]
                    if new and "Exception" not in caught:
                        errors[name] |= new
                        changed = True
    return errors


def untold(module: Module) -> Iterator[Finding]:
    for name, errors in raised(module).items():
        function = module.functions[name]
        owner, _, last = name.rpartition(".")
        text = text_of(module, function)
        shown = name
        if last in ("__init__", "__post_init__", "__new__"):
            text += ast.get_docstring(module.classes[owner]) or ""
            shown = owner
        if not public(shown) or decorators(function) & SHOWN or (module.file, name) in NEVER:
            continue
        for error in sorted(errors - NOT_TOLD):
            kinds = module.classes[error].bases if error in module.classes else []
            told = "|".join([error, *(kind for base in kinds for kind in names_in(base))])
            if not re.search(rf"\b(?:{told})\b", text):
                yield Finding(module.file, function.lineno, "error", name, f"Raises {error}")


@cache
def findings() -> tuple[Finding, ...]:
    return tuple(
        found
        for module in modules().values()
        for found in (*shapes(module), *units(module), *untold(module))
    )


@pytest.mark.parametrize("rule", RULES)
def test_docstrings_say_it(rule: str) -> None:
    assert [str(found) for found in findings() if found.rule == rule] == []


def found_in(source: str) -> list[str]:
    head = "Float = npt.NDArray[np.float64]\n"
    module = read("x.py", head + source)
    return [found.rule for found in (*shapes(module), *units(module), *untold(module))]


RAISING = "def _check(x: int) -> None:\n    raise InputError\n"


@pytest.mark.parametrize(
    ("source", "rules"),
    [
        ('def f(x: Float) -> None:\n    """Of people."""', ["shape"]),
        ('def f(x: Float) -> None:\n    """Of people, (draws, years)."""', []),
        ('def f(x: int) -> Float:\n    """Something of shape (x,)."""', ["unit"]),
        ('def f(x: int) -> Float:\n    """Persons a year, (x,)."""', []),
        ('def f() -> "pd.DataFrame":\n    """A row a scenario."""', []),
        ('def f() -> "pd.DataFrame":\n    """All of it."""', ["shape"]),
        ('class A:\n    """Of people."""\n    x: Float', ["shape"]),
        ('class A:\n    """Of people."""\n    x: Float  # (D, Y)', []),
        ('class A:\n    """Of people, each (D, Y)."""\n    x: Float', []),
        ('def _f(x: Float) -> Float:\n    """Private."""\n    raise ValueError', []),
        ('def f() -> None:\n    """All."""\n    raise ValueError("no")', ["error"]),
        ('def f() -> None:\n    """All. Raises ValueError."""\n    raise ValueError("no")', []),
        (RAISING + 'def f() -> None:\n    """All."""\n    _check(1)', ["error"]),
        (
            RAISING + 'def f() -> None:\n    """All."""\n    try:\n        _check(1)\n'
            "    except InputError:\n        pass",
            [],
        ),
    ],
)
def test_the_rules_find_what_lacks(source: str, rules: list[str]) -> None:
    assert found_in(source) == rules
