"""The command line: data on stdout, talk on stderr, exit codes that scripts can use.

0 ok · 1 failed · 2 usage · 3 findings of severity error · 75 try again later.
"""

from __future__ import annotations

import sys
from io import TextIOWrapper

import click

from lalert import __version__
from lalert.cli.boundaries import boundaries
from lalert.cli.cluster import cluster
from lalert.cli.demo import demo
from lalert.cli.doctor.command import doctor
from lalert.cli.endpoint import endpoint
from lalert.cli.key import key
from lalert.cli.preview import preview
from lalert.cli.send import send
from lalert.cli.serve import serve
from lalert.cli.sources import sources
from lalert.cli.store import store
from lalert.cli.validate import validate
from lalert.cli.vocabulary import vocabulary
from lalert.cli.watch import watch

_COMMANDS = (
    serve,
    demo,
    send,
    validate,
    preview,
    watch,
    key,
    endpoint,
    cluster,
    store,
    sources,
    boundaries,
    vocabulary,
    doctor,
)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="lalert")
def main() -> None:
    """災害情報のオープンな配信ハブ / An open hub for disaster alerts (CAP in; SSE, Atom, pages out)."""
    if isinstance(sys.stdout, TextIOWrapper):  # EUC-JP and Shift_JIS have not every letter of ours
        sys.stdout.reconfigure(errors="replace")


for _command in _COMMANDS:
    main.add_command(_command)
