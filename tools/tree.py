# SPDX-License-Identifier: Apache-2.0
"""The files of the tree and C source without comments and strings, for the check scripts beside this file."""

import argparse
import pathlib
import subprocess

SKIPPED = {".git", ".venv", "node_modules", "__pycache__", "parley-demo", "parley-data"}


def root_argument(description):
    """The root that a check looks at: --root DIR, else the tree that the script lies in."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    return parser.parse_args().root.resolve()


def files(root):
    """Every file that is, or would be, committed; relative paths in order."""
    if (root / ".git").exists():
        out = subprocess.run(
            ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
            capture_output=True, check=True).stdout.decode()
        found = {pathlib.PurePosixPath(name) for name in out.split("\0") if name}
        return sorted(name for name in found if (root / name).is_file())
    return sorted(
        pathlib.PurePosixPath(path.relative_to(root).as_posix()) for path in root.rglob("*")
        if path.is_file() and not SKIPPED.intersection(path.relative_to(root).parts)
        and not path.relative_to(root).parts[0].startswith("build"))


def bare(text):
    """C source with comments, strings and character constants blanked; every line stays where it is."""
    out, i, n = [], 0, len(text)
    while i < n:
        c = text[i]
        if text.startswith("//", i):
            end = text.find("\n", i)
            end = n if end < 0 else end
            out.append(" " * (end - i))
        elif text.startswith("/*", i):
            end = text.find("*/", i + 2)
            end = n if end < 0 else end + 2
            out.append("".join("\n" if ch == "\n" else " " for ch in text[i:end]))
        elif c in "\"'":
            end = i + 1
            while end < n and text[end] != c and text[end] != "\n":
                end += 2 if text[end] == "\\" else 1
            end = min(n, end + 1)
            out.append(c + "".join("\n" if ch == "\n" else " " for ch in text[i + 1:end - 1]) + text[end - 1])
        else:
            end = i + 1
            out.append(c)
        i = end
    return "".join(out)


def report(name, faults, counted):
    """Prints the faults and the one line of the check; its exit status."""
    for fault in faults:
        print(fault)
    print(f"{name}: {counted}, {len(faults)} fault{'' if len(faults) == 1 else 's'}")
    return 1 if faults else 0
