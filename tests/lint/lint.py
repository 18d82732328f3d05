#!/usr/bin/env python3
"""Checks the house rules that a reader cannot see at a glance, a TAP line each.

Usage: lint.py TREE [LIBRARY...]    LIBRARY: static libraries that must be pure
"""
import sys
from pathlib import Path

sys.dont_write_bytecode = True
from layers import check_headers, check_layers
from sizes import check_functions, check_lengths
from symbols import check_symbols
from text import check_comments, check_licence, check_shell, check_white_space

RULES = [
    ("files include only what their folder may", check_layers),
    ("headers of the system, of libvirt and the like stay in their folders", check_headers),
    ("files are short", check_lengths),
    ("functions are short", check_functions),
    ("each C file names its licence", check_licence),
    ("no tabs in C, no trailing spaces, an end of line at the end", check_white_space),
    ("public functions are explained", check_comments),
    ("shellcheck finds nothing", check_shell),
]


def main(arguments):
    if not arguments:
        sys.exit(__doc__)
    tree, libraries = Path(arguments[0]), arguments[1:]
    results = [(name, rule(tree)) for name, rule in RULES]
    if libraries:
        results.append(("core and policies are pure", check_symbols(libraries)))
    print(f"1..{len(results)}")
    for number, (name, problems) in enumerate(results, 1):
        print(f"{'not ok' if problems else 'ok'} {number} - {name}")
        for problem in problems:
            print(f"# {problem}")
    return any(problems for _, problems in results)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
