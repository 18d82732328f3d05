"""How long files and functions may be."""
import ast
from tree import c_files, files, lines

FILE_MAX = 600
HEADER_MAX = 120
FUNCTION_MAX = 80
# Headers that may be longer, each with its reason.
LONG_HEADERS = {
    "include/vmbalancer/snapshot.h": "all that a policy may know, in one place",
}
SOURCES = (".c", ".h", ".py", ".sh", ".rst", ".build")


def check_lengths(tree):
    """The lengths of files."""
    problems = []
    for name in files(tree):
        if name.suffix not in SOURCES:
            continue
        length = len(lines(tree, name)) - 1
        limit = FILE_MAX
        product = name.parts[0] != "tests" and str(name) not in LONG_HEADERS
        if name.suffix == ".h" and product:
            limit = HEADER_MAX
        if length > limit:
            problems.append(f"{name}: {length} lines; at most {limit}")
    for name in LONG_HEADERS:
        if (tree / name).exists() and len(lines(tree, name)) - 1 <= HEADER_MAX:
            problems.append(f"{name} is short now: take it out of LONG_HEADERS in sizes.py")
    return problems


def c_functions(tree, name):
    """Name and length of each function: house style has its braces in the first column."""
    start, title = None, ""
    for number, line in enumerate(lines(tree, name), 1):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            yield title, number - start + 1
            start = None
        elif start is None and "(" in line and line[0] not in " \t#/*":
            title = line.split("(")[0]


def python_functions(tree, name):
    """Name and length of each function."""
    for node in ast.walk(ast.parse("\n".join(lines(tree, name)))):
        if isinstance(node, ast.FunctionDef):
            yield node.name, node.end_lineno - node.lineno + 1


def check_functions(tree):
    """The lengths of functions."""
    found = [(name, function) for name in c_files(tree) for function in c_functions(tree, name)]
    for name in files(tree):
        if name.suffix == ".py":
            found += [(name, function) for function in python_functions(tree, name)]
    return [f"{name}: {title} has {length} lines; at most {FUNCTION_MAX}"
            for name, (title, length) in found if length > FUNCTION_MAX]
