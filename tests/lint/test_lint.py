#!/usr/bin/env python3
"""Shows that each lint rule finds what it is for, and lets a sound tree pass."""
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
from lint import RULES
from symbols import check_symbols
from text import LICENCE

GOOD = {
    "include/vmbalancer/plan.h": f"{LICENCE}\n\n/** Does it. */\nvoid vb_plan_do(void);\n",
    "vmbalancer/core/model.h": f"{LICENCE}\n#include <vmbalancer/plan.h>\n",
    "vmbalancer/core/model.c": f"{LICENCE}\n#include \"core/model.h\"\n#include <string.h>\n",
    "vmbalancer/sys/kernel.c": f"{LICENCE}\n#include \"core/model.h\"\n#include <numaif.h>\n",
    "policies/none.c": f"{LICENCE}\n#include <vmbalancer/plan.h>\n",
    "qmp/qmp.c": f"{LICENCE}\n#include <gio/gio.h>\n",
    "check": "#!/bin/bash\necho \"$1\"\n",
}
LONG_BODY = "    x++;\n" * 79

# What is done to a sound tree: the file, its text, and words of the complaint.
BAD = [
    ("vmbalancer/core/a.c", '#include "sys/kernel.h"\n', "does not exist"),
    ("vmbalancer/core/a.c", '#include "observe/look.h"\n', "is not below core"),
    ("vmbalancer/sys/a.c", '#include "act/run.h"\n', "is not below sys"),
    ("vmbalancer/act/a.c", '#include "observe/look.h"\n', "is not below act"),
    ("policies/a.c", '#include "core/model.h"\n', "is not below policies"),
    ("policies/a.c", "#include <vmbalancer/hidden.h>\n", "does not exist in include/"),
    ("include/vmbalancer/a.h", '#include "core/model.h"\n', "is not below include"),
    ("qmp/a.c", "#include <vmbalancer/plan.h>\n", "stands alone"),
    ("qmp/a.c", '#include "core/model.h"\n', "is not below qmp"),
    ("vmbalancer/attic/a.c", "\n", "does not know its folder"),
    ("vmbalancer/cli/a.c", "#include <libvirt/libvirt.h>\n", "is for libvirt only"),
    ("vmbalancer/act/a.c", "#include <sys/syscall.h>\n", "is for sys, mover only"),
    ("vmbalancer/observe/a.c", "#include <numaif.h>\n", "is for sys, mover only"),
    ("vmbalancer/engine/a.c", "#include <sched.h>\n", "is for sys, mover only"),
    ("vmbalancer/core/a.c", "#include <unistd.h>\n", "only"),
    ("policies/a.c", "#include <gio/gio.h>\n", "only"),
    ("vmbalancer/core/a.c", "\n" * 600, "601 lines; at most 600"),
    ("vmbalancer/core/a.h", "\n" * 120, "121 lines; at most 120"),
    ("vmbalancer/core/a.c", f"\nvoid\nlong_one(void)\n{{\n{LONG_BODY}}}\n", "long_one has 81 lines"),
    ("vmbalancer/core/a.c", "a();  \n", "trailing spaces"),
    ("vmbalancer/core/a.c", "\ta();\n", "tabs"),
    ("vmbalancer/core/a.c", "a();", "no end of line"),
    ("README.md", "words  \n", "trailing spaces"),
    ("include/vmbalancer/a.h", "\nint vb_a_count(void);\n", "vb_a_count is not explained"),
    ("include/vmbalancer/a.h", "\nint vb_a(void);\n/** Late. */\nint vb_b(void);\n", "vb_a is not"),
    ("tests/run", "#!/bin/bash\necho $1\n", "SC2086"),
    ("tests/a.sh", "if [ $1 = x ]; then echo; fi\n", "SC2086"),
]
BAD_START = [
    ("vmbalancer/core/a.c", "#include <string.h>\n", "the first line must be"),
    ("vmbalancer/core/a.h", "/* Mine. */\n", "the first line must be"),
]
IMPURE = ["int open(const char *p, int f, ...); int f(void) { return open(\"x\", 0); }",
          "long time(long *t); long f(void) { return time(0); }",
          "int rand(void); int f(void) { return rand(); }",
          "int __printf_chk(int f, const char *t, ...); int f(void) { return __printf_chk(1, \"x\"); }",
          "long g_get_monotonic_time(void); long f(void) { return g_get_monotonic_time(); }",
          "unsigned g_random_int(void); unsigned f(void) { return g_random_int(); }",
          "int virDomainGetID(void *d); int f(void) { return virDomainGetID(0); }"]
PURE = ["void *g_malloc0(unsigned long n); void *f(void) { return g_malloc0(8); }",
        "char *g_strdup_printf(const char *t, ...); char *f(void) { return g_strdup_printf(\"x\"); }",
        "int strcmp(const char *a, const char *b); int f(char *a) { return strcmp(a, a + 1); }"]


def plant(tree, name, text):
    """Writes a file of the tree."""
    (tree / name).parent.mkdir(parents=True, exist_ok=True)
    (tree / name).write_text(text)


def complaints(extra):
    """All that the rules say of a sound tree with one more file."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name, text in GOOD.items():
            plant(tree, name, text)
        for name in ("vmbalancer/observe/look.h", "vmbalancer/act/run.h"):
            plant(tree, name, f"{LICENCE}\n")
        if extra:
            plant(tree, *extra)
        return [problem for _, rule in RULES for problem in rule(tree)]


def library(folder, text):
    """A static library of one function."""
    source, thing = Path(folder) / "a.c", Path(folder) / "liba.a"
    thing.unlink(missing_ok=True)
    source.write_text(text)
    subprocess.run(["cc", "-fno-builtin", "-O0", "-c", "-o", f"{folder}/a.o", str(source)],
                   check=True)
    subprocess.run(["ar", "rcs", str(thing), f"{folder}/a.o"], check=True)
    return str(thing)


def cases():
    """Each check: what it is, and whether it holds."""
    yield "a sound tree passes", not complaints(None)
    for name, text, words in BAD + BAD_START:
        is_c = name.endswith((".c", ".h")) and (name, text, words) in BAD
        found = complaints((name, f"{LICENCE}\n{text}" if is_c else text))
        hit = [problem for problem in found if words in problem]
        yield f"{name}: {words}", len(hit) == 1 and len(found) == 1
    with tempfile.TemporaryDirectory() as folder:
        for text in IMPURE:
            yield f"impure: {text[:40]}", len(check_symbols([library(folder, text)])) == 1
        for text in PURE:
            yield f"pure: {text[:40]}", check_symbols([library(folder, text)]) == []
        yield "a library without needs", len(check_symbols([library(folder, "int x;")])) == 1


def main():
    failed = False
    total = 0
    for total, (name, holds) in enumerate(cases(), 1):
        print(f"{'ok' if holds else 'not ok'} {total} - {name}")
        failed |= not holds
    print(f"1..{total}")
    return failed


if __name__ == "__main__":
    sys.exit(main())
