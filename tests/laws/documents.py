"""What the documents say, in pieces that can be held against the program."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests.rig.hubs import ROOT

DOCUMENTS = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md", ROOT / "sample_feeds/README.md", *ROOT.glob("docs/**/*.md")]
)
SOURCES = sorted(path for folder in ("lalert", "tests", "benchmarks", "docs") for path in (ROOT / folder).rglob("*.py"))
OPERATIONS = ROOT / "docs/operations.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TEST = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")
_LINK = re.compile(r"\]\(([^)\s]+)\)")


def text_of(path: Path) -> str:
    """Return a file as text."""
    return path.read_text("utf-8")


def name_of(path: Path) -> str:
    """Return a path as a person in the checkout writes it."""
    return str(path.relative_to(ROOT))


def commands(document: str, program: str) -> list[list[str]]:
    """Return the words after `program` of each call of it in the shell examples of a document."""
    return [call for kind, block in _FENCE.findall(document) if kind == "sh" for call in _calls(block, program)]


def _calls(block: str, program: str) -> Iterator[list[str]]:
    for line in block.replace("\\\n", " ").splitlines():
        for words in _simple_commands(line):
            called = words[3:] if words[:2] == ["sudo", "-u"] else words
            if called and called[0].rpartition("/")[2] == program:
                yield called[1:]


def _simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each simple command in a line of shell."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[str] = []
    for token in lexer:
        if set(token) <= set("();<>|&"):
            yield words
            words = []
        else:
            words.append(token)
    yield words


def named_tests(document: str) -> list[str]:
    """Return each `tests/file.py` or `tests/file.py::test` that a document names."""
    return _TEST.findall(document)


def links(document: str) -> list[str]:
    """Return the relative links and pictures of a document, without their fragments."""
    found = (link.partition("#")[0] for link in _LINK.findall(_FENCE.sub("", document)))
    return [link for link in found if link and "://" not in link]


@cache
def functions(path: Path) -> frozenset[str]:
    """Return the names of all functions in a Python file."""
    kinds = ast.FunctionDef | ast.AsyncFunctionDef
    return frozenset(node.name for node in ast.walk(ast.parse(text_of(path))) if isinstance(node, kinds))


def codes(path: Path) -> Iterator[str]:
    """Yield the codes that a Python file writes out: `code="a.b"`, and `fault("b", …)` of the area."""
    for node in ast.walk(ast.parse(text_of(path))):
        if not isinstance(node, ast.Call):
            continue
        yield from (
            each.value.value
            for each in node.keywords
            if each.arg == "code" and isinstance(each.value, ast.Constant) and isinstance(each.value.value, str)
        )
        first = node.args[0] if node.args else None
        is_fault = isinstance(node.func, ast.Name) and node.func.id in ("fault", "caution")
        if is_fault and path.parent.name == "geo" and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield f"area.{first.value}"
