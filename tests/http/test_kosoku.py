# SPDX-License-Identifier: Apache-2.0
"""The Autobahn suite's own cases against the smallest server on http/ (tests/http_echo.c).

Left out: 9.* (throughput, megabytes a message), 12.* and 13.* (compression, which is not offered).
"""

import json
import pathlib
import subprocess
import sys

import pytest

from harness import Program, find_binary

EXCLUDED = ["9.*", "12.*", "13.*"]
GOOD = {"OK", "INFORMATIONAL", "NON-STRICT"}


@pytest.fixture(scope="module")
def echo():
    binary = find_binary("http_echo", "PARLEY_HTTP_ECHO")
    if not binary.exists():
        pytest.skip("http_echo is not built")
    program = Program([binary]).start()
    yield program.addresses[0].removeprefix("http://")
    program.stop()


@pytest.fixture(scope="module")
def results(echo, tmp_path_factory):
    """Case → what the suite says of it."""
    out = tmp_path_factory.mktemp("kosoku")
    command = [pathlib.Path(sys.executable).parent / "kosoku", "-p", "4", "-o", out]
    for case in EXCLUDED:
        command += ["-x", case]
    done = subprocess.run([*command, echo], capture_output=True, text=True, timeout=170)
    index = next(iter(out.rglob("index.json")), None)
    assert index, done.stdout[-2000:] + done.stderr[-2000:]
    return next(iter(json.loads(index.read_text(encoding="utf-8")).values()))


def test_every_case_behaves(results):
    bad = {case: row for case, row in results.items() if row["behavior"] not in GOOD}
    assert not bad, "\n".join(f"{case}: {row['behavior']}" for case, row in sorted(bad.items()))


def test_every_case_closes_well(results):
    bad = {case: row for case, row in results.items() if row.get("behaviorClose", "OK") not in GOOD}
    assert not bad, "\n".join(f"{case}: {row['behaviorClose']}" for case, row in sorted(bad.items()))


def test_the_suite_ran(results):
    assert len(results) >= 220
