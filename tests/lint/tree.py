"""The files of a tree: what git knows, without what is built or only passes through."""
import shutil
import subprocess
from functools import lru_cache
from pathlib import Path


@lru_cache(maxsize=None)
def files(tree):
    """All files that are, or could be, committed; as paths relative to @tree, sorted."""
    command = ["git", "-C", str(tree), "ls-files", "-z", "--cached", "--others",
               "--exclude-standard"]
    listed = None
    if shutil.which("git"):
        listed = subprocess.run(command, capture_output=True, check=False)
    if listed and listed.returncode == 0:
        names = [Path(name) for name in listed.stdout.decode().split("\0") if name]
    else:
        names = [path.relative_to(tree) for path in tree.rglob("*")
                 if not {"build", ".git"} & set(path.relative_to(tree).parts)]
    return sorted(name for name in set(names) if (tree / name).is_file())


def c_files(tree):
    """C sources and headers."""
    return [name for name in files(tree) if name.suffix in (".c", ".h")]


def product_files(tree):
    """C files of the product; tests may reach where they like."""
    return [name for name in c_files(tree) if name.parts[0] != "tests"]


def lines(tree, name):
    """The lines of a text file, without their ends; none of a binary one."""
    data = (tree / name).read_bytes()
    if b"\0" in data:
        return []
    return data.decode("utf-8", "replace").split("\n")
