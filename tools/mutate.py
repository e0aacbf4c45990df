"""Small, deliberate mistakes, made in a syntax tree one at a time.

Each is a comparison, a bound, a constant, a cell of a table, a promise turned round, or a line left out.
What is only words (docstrings, messages, annotations) is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

_SWAPS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_SUMS: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
_TRUTHS = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.Constant)  # these have mistakes of their own

Enums: TypeAlias = Mapping[str, tuple[str, ...]]
Make: TypeAlias = Callable[[], None]
Mistake: TypeAlias = tuple[str, Make]


@dataclass(frozen=True, slots=True)
class Mutation:
    """One mistake: where, what, and how it is made."""

    line: int
    what: str
    _sound: ast.Module
    _make: Make

    def tree(self) -> ast.Module:
        """The whole module with the mistake made; for good, so in a process that makes no other."""
        self._make()
        return ast.fix_missing_locations(self._sound)


def enums_in(tree: ast.Module) -> dict[str, tuple[str, ...]]:
    """The members of each enum a module defines, in order."""
    return {
        node.name: tuple(
            target.id
            for item in node.body
            if isinstance(item, ast.Assign)
            for target in item.targets
            if isinstance(target, ast.Name)
        )
        for node in tree.body
        if isinstance(node, ast.ClassDef)
        and any(isinstance(base, ast.Name) and base.id.endswith("Enum") for base in node.bases)
    }


def mutations(source: str, enums: Enums, within: frozenset[str] = frozenset()) -> Iterator[Mutation]:
    """Every mutation of ``source``; of the functions named in ``within`` only, when any are named."""
    tree = ast.parse(source)
    for node, place in _walk(tree, within, not within):
        for what, make in _mistakes(node, place, enums):
            yield Mutation(getattr(node, "lineno", 0), what, tree, make)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in a tree a node stands, so that another can stand there."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


def _walk(node: ast.AST, within: frozenset[str], inside: bool) -> Iterator[tuple[ast.AST, _Place]]:
    """Every node that means something, with its place."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "bases"):
            continue
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if not isinstance(child, ast.AST) or _is_docstring(child) or _is_type_variable(child):
                continue
            here = inside or (isinstance(child, ast.FunctionDef) and child.name in within)
            if here:
                yield child, _Place(node, field, index)
            if not isinstance(child, (ast.JoinedStr, ast.Raise, ast.Assert, ast.Import, ast.ImportFrom)):
                yield from _walk(child, within, here)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _is_type_variable(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "TypeVar"


def _mistakes(node: ast.AST, place: _Place, enums: Enums) -> Iterator[Mistake]:
    yield from _of_truth(node, place)
    yield from _of_value(node, enums)
    yield from _of_table(node)
    if isinstance(node, (ast.Raise, ast.AugAssign)) or _is_deed(node):
        yield f"dropped: {ast.unparse(node).splitlines()[0]}", partial(place.put, ast.Pass())


def _of_truth(node: ast.AST, place: _Place) -> Iterator[Mistake]:
    match node:
        case ast.Compare():
            yield from _compared(node)
        case ast.BoolOp():
            other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield f"{_name(node.op)} → {_name(other)}", partial(setattr, node, "op", other)
        case ast.UnaryOp(op=ast.Not()):
            yield f"not dropped: {ast.unparse(node)}", partial(place.put, node.operand)
        case ast.If() | ast.While() | ast.IfExp() if not isinstance(node.test, _TRUTHS):
            yield f"negated: {ast.unparse(node.test)}", partial(_negate, node, "test")
        case ast.Return(value=ast.expr() as value) if not isinstance(value, _TRUTHS) and _is_truth(place):
            yield f"negated: {ast.unparse(value)}", partial(_negate, node, "value")


def _of_value(node: ast.AST, enums: Enums) -> Iterator[Mistake]:
    match node:
        case ast.Constant():
            yield from _constant(node)
        case ast.BinOp() if type(node.op) in _SUMS:
            other = _SUMS[type(node.op)]()
            yield f"{_name(node.op)} → {_name(other)}", partial(setattr, node, "op", other)
        case ast.Attribute(value=ast.Name(id=enum)) if enum in enums and node.attr in enums[enum]:
            members = enums[enum]
            after = members[(members.index(node.attr) + 1) % len(members)]
            yield f"{enum}.{node.attr} → {after}", partial(setattr, node, "attr", after)


def _of_table(node: ast.AST) -> Iterator[Mistake]:
    match node:
        case ast.Dict(keys=keys) if len(keys) > 1:
            for index, key in enumerate(keys):
                yield f"cell dropped: {ast.unparse(key) if key else '**'}", partial(_drop_cell, node, index)
        case ast.Call(keywords=keywords):
            for keyword in [keyword for keyword in keywords if keyword.arg == "only_if"]:
                yield "only_if dropped", partial(keywords.remove, keyword)
        case ast.Match(cases=cases) if len(cases) > 1:
            for case in cases:
                yield f"case dropped: {ast.unparse(case.pattern)}", partial(cases.remove, case)


def _compared(node: ast.Compare) -> Iterator[Mistake]:
    for index, op in enumerate(node.ops):
        for other in _SWAPS[type(op)]:
            yield f"{_name(op)} → {other.__name__}", partial(node.ops.__setitem__, index, other())


def _constant(node: ast.Constant) -> Iterator[Mistake]:
    if isinstance(node.value, bool):
        yield f"{node.value} → {not node.value}", partial(setattr, node, "value", not node.value)
    elif isinstance(node.value, int):
        for value in (node.value - 1, node.value + 1):
            yield f"{node.value} → {value}", partial(setattr, node, "value", value)
    elif isinstance(node.value, str) and node.value.isupper():  # a code, and not words
        yield f"{node.value} → another", partial(setattr, node, "value", "ANOTHER")


def _drop_cell(node: ast.Dict, index: int) -> None:
    del node.keys[index]
    del node.values[index]


def _negate(node: ast.AST, field: str) -> None:
    setattr(node, field, ast.UnaryOp(ast.Not(), getattr(node, field)))


def _is_truth(place: _Place) -> bool:
    returns = getattr(place.parent, "returns", None)
    return isinstance(returns, ast.Name) and returns.id == "bool"


def _is_deed(node: ast.AST) -> bool:
    """A statement that is done for its effect: a call, or something yielded. Not what cannot happen."""
    match node:
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            return False
        case ast.Expr(value=ast.Call() | ast.Yield() | ast.YieldFrom()):
            return True
    return False


def _name(op: ast.AST) -> str:
    return type(op).__name__
