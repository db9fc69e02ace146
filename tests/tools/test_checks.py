# SPDX-License-Identifier: Apache-2.0
"""Each check of tools/ passes on a small good tree and fails on the same tree with one fault."""

import pathlib
import subprocess
import sys
import types

import pytest

TOOLS = pathlib.Path(__file__).resolve().parents[2] / "tools"
SPDX = "// SPDX-License-Identifier: Apache-2.0\n"
GOOD = {
    "src/base/str.h": SPDX + "#pragma once\nint str_new(int n);\n",
    "src/base/str.c": SPDX + '#include "base/str.h"\n\nint str_new(int n)\n{\n    return n; // strcpy( here\n}\n',
    "src/http/head.c": SPDX + '#include "base/str.h"\n#include <stdio.h>\n\nstatic const char *say = "malloc(";\n',
    "src/api/route.c": SPDX + '#include "http/head.h"\n#include "engine/turn.h"\n',
    "src/main.c": SPDX + '#include "api/route.h"\n#include <stdio.h>\nint main(void)\n{\n    printf("ready");\n}\n',
}


@pytest.fixture
def tree(tmp_path):
    """A factory of trees: the good one with these files changed."""

    def write(files=None):
        for name, text in {**GOOD, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tmp_path

    return write


def check(name, root, **env):
    return subprocess.run(
        [sys.executable, TOOLS / f"check-{name}", "--root", root], capture_output=True, text=True, timeout=60,
        env={"PATH": "/usr/bin:/bin", **env})


@pytest.mark.parametrize("name", ["rooms", "size", "style"])
def test_a_good_tree_passes(tree, name):
    done = check(name, tree())
    assert done.returncode == 0, done.stdout
    assert "0 faults" in done.stdout


@pytest.mark.parametrize("path, line, says", [
    ("src/base/str.c", '#include "http/head.h"', "base may not use http"),
    ("src/http/head.c", '#include "store/store.h"', "http may not use store"),
    ("src/engine/turn.c", '#include "http/http.h"', "engine knows nothing of http"),
    ("src/engine/turn.c", '#include "ingest/read.h"', "engine may not use ingest"),
    ("src/jobs/queue.c", '#  include "api/route.h"', "jobs may not use api"),
    ("src/http/head.c", '#include "../base/str.h"', "not by relative path"),
    ("src/http/head.c", '#include "bse/str.h"', "no such room: bse"),
    ("src/attic/x.c", '#include "base/str.h"', "no such room: attic"),
])
def test_rooms_finds(tree, path, line, says):
    done = check("rooms", tree({path: f"{SPDX}{line}\n"}))
    assert done.returncode == 1
    assert f"{path}:" in done.stdout and says in done.stdout


def body(lines):
    return SPDX + "int long_one(int a,\n             int b)\n{\n" + "    a += b;\n" * lines + "}\n"


@pytest.mark.parametrize("text, says", [
    (body(71), "long_one has 71 lines"),
    (SPDX + "TEST(long_test)\n{\n" + "    if (1) {\n    }\n" * 36 + "}\n", "TEST has 72 lines"),
    (SPDX + "int x;\n" * 800, "801 lines"),
])
def test_size_finds(tree, text, says):
    done = check("size", tree({"src/base/long.c": text}))
    assert done.returncode == 1
    assert says in done.stdout


@pytest.mark.parametrize("text", [
    body(70),
    SPDX + "static const struct row rows[] = {\n" + "    {1},\n" * 200 + "};\n",
    SPDX + "#define MANY(x) \\\n" + "    { x \\\n" * 100 + "    x\nint after;\n",
    SPDX + 'static const char *text = "int f() {";\n' + "int x;\n" * 100 + "int g(void)\n{\n    return '{';\n}\n",
])
def test_size_lets_pass(tree, text):
    done = check("size", tree({"src/base/long.c": text}))
    assert done.returncode == 0, done.stdout


LEFT_OVER = "TO" + "DO"


@pytest.mark.parametrize("path, text, says", [
    ("src/base/x.c", SPDX + "void f(void)\n{\n    strcpy(a, b);\n}\n", "strcpy()"),
    ("src/http/x.c", SPDX + "void f(void)\n{\n    p = malloc (4);\n}\n", "malloc()"),
    ("src/http/x.c", SPDX + "void f(void)\n{\n    printf(\"x\");\n}\n", "printf()"),
    ("src/http/x.c", SPDX + "void f(void)\n{\n    t = time(NULL);\n}\n", "time()"),
    ("src/engine/x_test.c", SPDX + "void f(void)\n{\n    system(\"x\");\n}\n", "system()"),
    ("src/engine/x.c", SPDX + "void f(void)\n{\n    exit(1);\n}\n", "exit()"),
    ("src/base/x.c", "int x;\n", "no SPDX line"),
    ("tools/thing", "#!/bin/sh\ntrue\n", "no SPDX line"),
    ("src/base/x.c", SPDX + f"// {LEFT_OVER} later\n", "left-over mark"),
    ("src/base/x.c", SPDX + "\tint x;\n", "tab"),
    ("src/base/x.c", SPDX + "int x; \n", "white space"),
    ("src/base/x.c", SPDX + "int x;", "no line end"),
    ("src/base/x.c", SPDX + "// " + "é" * 118 + "\n", "121 columns"),
    ("src/base/x.c", SPDX + "    {" + "x" * 240 + "},\n", "columns, at most 240"),
])
def test_style_finds(tree, path, text, says):
    done = check("style", tree({path: text}))
    assert done.returncode == 1
    assert f"{path}:" in done.stdout and says in done.stdout


@pytest.mark.parametrize("path, text", [
    ("src/base/mem.c", SPDX + "void f(void)\n{\n    p = malloc(4);\n}\n"),
    ("src/base/x_test.c", SPDX + "void f(void)\n{\n    p = malloc(4);\n}\n"),
    ("src/base/x.c", SPDX + "void f(void)\n{\n    row->time(4);\n    my_malloc(4);\n}\n"),
    ("src/base/x.c", SPDX + "// " + "é" * 117 + "\n"),
    ("src/base/x.c", SPDX + "    {" + "x" * 200 + "},\n"),
    ("tests/data/x.json", '{"a": 1}   '),
])
def test_style_lets_pass(tree, path, text):
    done = check("style", tree({path: text}))
    assert done.returncode == 0, done.stdout


@pytest.fixture
def program(tmp_path):
    path = tmp_path / "parley"
    path.write_text("#!/bin/sh\n[ \"$1 $2\" = 'settings --markdown' ] && echo '| listen |'\n", encoding="utf-8")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("copy, code", [("| listen |\n", 0), ("| data |\n", 1), (None, 77)])
def test_printed_compares(tree, program, copy, code):
    root = tree({"docs/settings.md": copy} if copy else {})
    done = check("printed", root, PARLEY_BIN=str(program))
    assert done.returncode == code, done.stdout


def test_printed_fails_when_the_program_cannot_print_what_is_committed(tree, program):
    done = check("printed", tree({"docs/openapi.json": "{}"}), PARLEY_BIN=str(program))
    assert done.returncode == 1 and "`parley openapi` fails" in done.stdout


def test_printed_says_that_it_is_skipped_without_the_program(tree):
    done = check("printed", tree())
    assert done.returncode == 77 and "not built" in done.stdout


@pytest.fixture(scope="module")
def runner():
    """tools/test as a module, without running it."""
    text = (TOOLS / "test").read_text(encoding="utf-8").replace("\nsys.exit(main())\n", "\n")
    module = types.ModuleType("runner")
    module.__file__ = str(TOOLS / "test")
    exec(compile(text, module.__file__, "exec"), module.__dict__)
    return module


@pytest.mark.parametrize("output, code, passed, failed, skipped", [
    ("1..2\nok 1 - a\nok 2 - b\n", 0, 2, 0, 0),
    ("1..2\nok 1 - a\nnot ok 2 - b\n# why\n", 1, 1, 1, 0),
    ("1..2\nok 1 - a\nok 2 - b # SKIP no network\n", 0, 1, 0, 1),
    ("1..3\nok 1 - a\n==1==ERROR: AddressSanitizer\n", 1, 1, 2, 0),
    ("1..1\nok 1 - a\nWARNING: ThreadSanitizer\n", 66, 1, 1, 0),
    ("", 0, 0, 1, 0),
    ("", None, 0, 1, 0),
])
def test_what_the_runner_makes_of_tap(runner, output, code, passed, failed, skipped):
    got = runner.parse_tap(output, code)
    assert (got[0], len(got[1]), got[2]) == (passed, failed, skipped)


def test_a_suite_that_cannot_start_is_a_failure(runner, monkeypatch, capsys):
    def broken(_totals, _args):
        raise OSError("no such program")

    monkeypatch.setitem(runner.__dict__, "suite_checks", broken)
    monkeypatch.setattr(sys, "argv", ["test", "--only", "checks"])
    assert runner.main() == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 1 failed, 0 skipped"
