"""Who may include whom. Dependencies run one way."""
import re
from tree import lines, product_files

# Each folder and the folders whose headers it may include besides its own and include/vmbalancer.
LAYERS = {
    "include": (),
    "policies": (),
    "qmp": (),
    "core": (),
    "sys": ("core",),
    "libvirt": ("core", "qmp"),
    "mover": ("core", "sys"),
    "observe": ("core", "sys", "libvirt", "mover", "qmp"),
    "plain": ("core", "sys", "libvirt", "mover", "observe", "qmp"),
    "act": ("core", "sys", "libvirt", "mover"),
    "engine": ("core", "sys", "libvirt", "mover", "observe", "plain", "act"),
    "bus": ("core",),
    "sim": ("core",),
    "daemon": ("core", "engine", "bus"),
    "cli": ("core", "engine", "bus", "sim"),
    "man": ("core",),
}
# Single files that may include more, each with its reason.
EXCEPTIONS = {
    # The doctor looks at hosts on which the engine cannot even start.
    "vmbalancer/cli/doctor.h": ("sys/kernel.h",),
}
# Knows nothing of vmbalancer, not even the public headers.
ALONE = ("qmp",)

# Headers that only some folders may include.
OWNED_HEADERS = [
    (r"libvirt/|libvirt-", ("libvirt",)),
    (r"libxml/", ("libvirt",)),
    (r"numaif\.h|numa\.h|sys/syscall\.h|syscall\.h|linux/", ("sys", "mover")),
    (r"sched\.h", ("sys", "mover")),
    (r"curses\.h|ncurses", ("cli",)),
    (r"systemd/", ("daemon",)),
    (r"polkit/", ("daemon",)),
    (r"gio/|glib/gstdio\.h|glib-unix\.h", ("qmp", "sys", "libvirt", "mover", "observe", "plain",
                                          "act", "engine", "bus", "daemon", "cli")),
    (r"sys/|unistd\.h|fcntl\.h|dirent\.h|poll\.h|time\.h|signal\.h|pthread\.h|stdio\.h",
     ("qmp", "sys", "libvirt", "mover", "observe", "act", "engine", "daemon", "cli", "sim")),
]
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def folder_of(name):
    """The layer that a file belongs to."""
    return name.parts[1] if name.parts[0] == "vmbalancer" else name.parts[0]


def includes(tree, name):
    """Number of the line, "<" or '"', and what is included."""
    for number, line in enumerate(lines(tree, name), 1):
        match = INCLUDE.match(line)
        if match:
            yield number, match.group(1), match.group(2)


def check_project_include(tree, name, target):
    """Why @name may not include the project's header @target, or None."""
    folder = folder_of(name)
    if "/" not in target:
        return None if (tree / name.parent / target).exists() else "is not in the same folder"
    root = tree if target.startswith("qmp/") else tree / "vmbalancer"
    if not (root / target).exists():
        return "does not exist"
    owner = target.split("/")[0]
    if owner == folder or owner in LAYERS[folder] or target in EXCEPTIONS.get(str(name), ()):
        return None
    return f"is not below {folder}"


def check_public_include(tree, name, target):
    """Why @name may not include <@target> of the project, or None."""
    if not target.startswith("vmbalancer/"):
        return None
    if folder_of(name) in ALONE:
        return f"is not for {folder_of(name)}, which stands alone"
    return None if (tree / "include" / target).exists() else "does not exist in include/"


def check_layers(tree):
    """Each include of the project's own headers."""
    problems = []
    for name in product_files(tree):
        if folder_of(name) not in LAYERS:
            problems.append(f"{name}: tests/lint/layers.py does not know its folder")
            continue
        for number, kind, target in includes(tree, name):
            check = check_public_include if kind == "<" else check_project_include
            why = check(tree, name, target)
            if why:
                problems.append(f"{name}:{number}: {target} {why}")
    return problems


def check_headers(tree):
    """Each include of a header that not everybody may include."""
    problems = []
    for name in product_files(tree):
        for number, kind, target in includes(tree, name):
            for pattern, owners in OWNED_HEADERS:
                if kind == '"' or not re.match(pattern, target):
                    continue
                if folder_of(name) not in owners:
                    problems.append(f"{name}:{number}: <{target}> is for {', '.join(owners)} only")
                break
    return problems
