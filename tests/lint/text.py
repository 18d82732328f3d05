"""What is to be seen in a file's text."""
import re
import subprocess
from tree import c_files, files, lines

LICENCE = "/* SPDX-License-Identifier: LGPL-2.1-or-later */"
# What need not be explained each time: makers and breakers of a value that is.
LIFE = re.compile(r"_(new|copy|free|clear|ref|unref)\(")
FUNCTION = re.compile(r"^[A-Za-z].*[ *]((?:vb|qmp)_[a-z0-9_]+)\(")
# Text whose form is not ours.
FOREIGN = ("LICENSE", "tests/hosts", "tests/transcripts", "tests/fuzz/corpus")


def check_licence(tree):
    """The first line of each C file."""
    return [f"{name}: the first line must be {LICENCE}" for name in c_files(tree)
            if lines(tree, name)[:1] != [LICENCE]]


def check_white_space(tree):
    """Tabs, trailing spaces, the last line's end."""
    problems = []
    for name in files(tree):
        if str(name).startswith(FOREIGN) or not lines(tree, name):
            continue
        text = lines(tree, name)
        spaces = [number for number, line in enumerate(text, 1) if line != line.rstrip()]
        tabs = [number for number, line in enumerate(text, 1)
                if "\t" in line and name.suffix in (".c", ".h", ".py", ".build")]
        if spaces:
            problems.append(f"{name}:{spaces[0]}: trailing spaces, in {len(spaces)} lines")
        if tabs:
            problems.append(f"{name}:{tabs[0]}: tabs, in {len(tabs)} lines")
        if text != [""] and text[-1] != "":
            problems.append(f"{name}: no end of line at the end")
    return problems


def groups(tree, name):
    """Each run of lines without a blank one between them, with the number of its first."""
    start, group = 1, []
    for number, line in enumerate(lines(tree, name) + [""], 1):
        if line.strip():
            group.append(line)
            continue
        if group:
            yield start, group
        start, group = number + 1, []


def check_comments(tree):
    """Each function in a header of include/ and qmp/ stands in a group with a comment above it."""
    problems = []
    for name in c_files(tree):
        if name.suffix != ".h" or name.parts[0] not in ("include", "qmp"):
            continue
        for start, group in groups(tree, name):
            explained = False
            for number, line in enumerate(group, start):
                explained = explained or line.lstrip().startswith("/*")
                match = FUNCTION.match(line)
                if match and not explained and not LIFE.search(line):
                    problems.append(f"{name}:{number}: {match.group(1)} is not explained")
    return problems


def is_shell(tree, name):
    """TRUE for scripts and for what scripts source."""
    first = lines(tree, name)[:1]
    return name.suffix in (".sh", ".bash") or bool(
        first and re.match(r"#!\s*/\S*(/| )(ba)?sh\b", first[0]))


def check_shell(tree):
    """What shellcheck says of all shell scripts."""
    scripts = [str(name) for name in files(tree) if is_shell(tree, name)]
    if not scripts:
        return []
    try:
        run = subprocess.run(["shellcheck", "--format=gcc", "--shell=bash", "--external-sources",
                              "--source-path=SCRIPTDIR", "--", *scripts],
                             cwd=tree, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ["shellcheck is missing: apt-get install shellcheck"]
    return run.stdout.splitlines() or ([] if run.returncode == 0 else [run.stderr.strip()])
