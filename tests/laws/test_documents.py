"""The documents tell the truth: what they name exists, and what exists and matters is named."""

from __future__ import annotations

import json
import re
from configparser import ConfigParser
from pathlib import Path

import click
import pytest

import lalert
from lalert.cap import catalogue
from lalert.cli import main
from lalert.metrics import Metrics
from lalert.settings import Settings
from tests.laws.documents import (
    DOCUMENTS,
    OPERATIONS,
    SOURCES,
    codes,
    commands,
    functions,
    links,
    name_of,
    named_tests,
    text_of,
)
from tests.rig.hubs import ROOT

LONGEST = 500
INTERNAL = {"sse.line-break"}  # a defect: its reader learns a correlation id, never the code

every_document = pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)


def test_every_guarantee_names_its_test() -> None:
    """A promise without a test is a hope: each item of guarantees.md names at least one."""
    items = re.split(r"^- ", text_of(ROOT / "docs/guarantees.md"), flags=re.MULTILINE)[1:]
    assert len(items) > 20
    without = [item.splitlines()[0] for item in items if not any("::" in name for name in named_tests(item))]
    assert without == []


@every_document
def test_named_tests_exist(path: Path) -> None:
    """Whoever follows a document to a test finds it."""
    for name in named_tests(text_of(path)):
        file, _, function = name.partition("::")
        assert (ROOT / file).is_file(), name
        assert not function or function in functions(ROOT / file), name


@every_document
def test_links_lead_somewhere(path: Path) -> None:
    """Every relative link and picture is there."""
    for link in links(text_of(path)):
        assert (path.parent / link).exists(), link


@every_document
def test_commands_exist(path: Path) -> None:
    """Every `lalert …` in a shell example names a command and options that the program has."""
    for words in commands(text_of(path), "lalert"):
        command, rest = command_of(words)
        known = {option for parameter in command.params for option in parameter.opts} | {"--help", "--version"}
        unknown = [word for word in rest if word.startswith("--") and word.partition("=")[0] not in known]
        assert not unknown, words


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """Return the command that `words` call, and the rest of them."""
    command: click.Command = main
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        assert words[0] in command.commands, words
        command, words = command.commands[words[0]], words[1:]
    return command, words


@every_document
def test_make_targets_exist(path: Path) -> None:
    """Every `make …` in a shell example is a target."""
    targets = set(re.findall(r"^([a-z][\w-]*):", text_of(ROOT / "Makefile"), re.MULTILINE))
    for words in commands(text_of(path), "make"):
        assert {word for word in words if "=" not in word} <= targets, words


@every_document
def test_addresses_exist(path: Path) -> None:
    """Every address in backticks is one that the hub answers, in one of the realms."""
    patterns = [re.compile(re.sub(r"\{\w+\}", "[^/]+", template)) for template in described()]
    for address in re.findall(r"`(?:POST |GET |DELETE )?(/[^`\s]*)`", text_of(path)):
        place = re.split(r"[?#]", address)[0].removeprefix("/drill") or "/"
        known = place.startswith(("/etc/", "/var/", "/usr/", "/opt/")) or any(p.fullmatch(place) for p in patterns)
        assert known, address


def described() -> list[str]:
    """Return the paths of openapi.json, which is held against the router, and the drill's own door."""
    paths: dict[str, object] = json.loads(text_of(ROOT / "lalert/web/openapi.json"))["paths"]
    return [*paths, "/"]


def test_every_code_is_explained() -> None:
    """What the program can say has a section under findings or problems, or among what operators meet at a start."""
    sections = "".join(text_of(ROOT / "docs" / name) for name in ("findings.md", "problems.md"))
    explained = set(re.findall(r"^### (\S+)$", sections, re.MULTILINE))
    explained |= set(re.findall(r"`([a-z]+\.[a-z_]+)`", text_of(OPERATIONS)))
    spoken = {code for path in SOURCES if path.is_relative_to(ROOT / "lalert") for code in codes(path)}
    spoken |= set(catalogue.entries())
    assert len(spoken) > 100
    assert spoken - explained - INTERNAL == set()


def test_every_setting_is_documented() -> None:
    """Each setting stands in the table of operations.md with its default, and nothing else does."""
    told = dict(re.findall(r"^\| `(\w+\.\w+)` \| (`[^`]*`|–) \|", text_of(OPERATIONS), re.MULTILINE))
    settings = Settings()
    defaults = {
        f"{section}.{name}": getattr(getattr(settings, section), name)
        for section in Settings.__slots__
        for name in getattr(settings, section).__slots__
    }
    assert {name: default.strip().strip("`") for name, default in told.items()} == {
        name: "–" if default is None else str(default) for name, default in defaults.items()
    }


def test_every_metric_is_documented() -> None:
    """Each family of /metrics stands in operations.md, and no other is promised there."""
    families = {family.name for family in Metrics().registry.collect()}
    told = set(re.findall(r"^\| `(lalert_\w+?)(?:_total)?(?:\{[^}]*\})?` \|", text_of(OPERATIONS), re.MULTILINE))
    assert told == families


def test_every_dependency_has_its_reason() -> None:
    """Each package that is installed with lalert stands in the table of decisions.md, and no other."""
    config = ConfigParser()
    config.read(ROOT / "setup.cfg")
    needed = {re.split(r"[<>=]", line)[0] for line in config["options"]["install_requires"].split()}
    rows = re.findall(r"^\| ([\w, -]+) \|", text_of(ROOT / "docs/decisions.md"), re.MULTILINE)
    assert {name for row in rows for name in row.split(", ")} - {"package"} == needed


def test_version_is_in_the_changelog() -> None:
    """Operators find what the version that they run has brought."""
    assert f"## [{lalert.__version__}]" in text_of(ROOT / "CHANGELOG.md")


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_file_is_short_and_finished(path: Path) -> None:
    """No file is longer than a reader bears, and none leaves work for later."""
    text = text_of(path)
    assert text.count("\n") <= LONGEST
    assert not re.search(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b", text)
