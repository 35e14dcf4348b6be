"""Run cases and print their figures: `python -m benchmarks [--json] [CASE ...]`."""

from __future__ import annotations

import json
import os
import platform
import sys
from importlib import import_module

CASES = (
    "cap",
    "queue",
    "journal",
    "start",
    "nationwide",
    "fanout",
    "overtake",
    "cluster",
    "push",
    "match",
    "residents",
    "resolve",
    "signature",
)


def main(arguments: list[str]) -> int:
    """Run the cases that are named, or all; a figure without its machine is none, so that is printed first."""
    as_json = "--json" in arguments
    chosen = [argument for argument in arguments if not argument.startswith("-")] or list(CASES)
    unknown = sorted(set(chosen) - set(CASES))
    if unknown:
        print(f"no such case: {', '.join(unknown)}; there are: {', '.join(CASES)}", file=sys.stderr)
        return 2
    print(f"# {platform.processor() or platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}")
    for case in chosen:
        figures = import_module(f"benchmarks.{case}").run()
        if as_json:
            print(json.dumps({"case": case, **figures}))
            continue
        print(f"\n{case}")
        for name, value in figures.items():
            print(f"  {name:44} {value:12.3f}" if isinstance(value, float) else f"  {name:44} {value!s:>12}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
