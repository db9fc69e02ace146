# SPDX-License-Identifier: Apache-2.0
"""The inner loops under valgrind: every tail and alignment in memory that ends where it must (src/embed/kernel_test.c).
The sanitized builds run the same; valgrind also sees what vector instructions read and nobody wrote."""
import pathlib
import shutil
import subprocess

import pytest

UNIT = pathlib.Path(__file__).resolve().parents[2] / "build/tests/unit_embed"


@pytest.mark.release
@pytest.mark.skipif(not UNIT.exists(), reason="unit_embed is not built")
@pytest.mark.skipif(not shutil.which("valgrind"), reason="valgrind is not here")
def test_nothing_else_is_read_or_written():
    """upstream-llm 7.5."""
    done = subprocess.run(["valgrind", "-q", "--error-exitcode=9", "--leak-check=full", UNIT, "kernels*"],
                          capture_output=True, text=True, timeout=170)
    assert done.returncode == 0 and "ok 1 - kernels" in done.stdout, done.stdout + done.stderr
