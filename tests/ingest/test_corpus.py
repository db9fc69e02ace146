# SPDX-License-Identifier: Apache-2.0
"""The corpus (001-brands 12, 000-management 5.3): what other programs write is read as it was meant, and what is
hostile ends in a reason, quickly, in little memory, and without a look outside."""
import os
import pathlib
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import corpus  # noqa: E402
from harness.program import child_environment, sanitizer_report  # noqa: E402
from test_reader import READER, frames, read, short  # noqa: E402

pytestmark = pytest.mark.skipif(not READER.exists(), reason="parley-read is not built")
REASONS = {"ok", "encrypted", "damaged", "no_text", "too_many_pages", "too_large", "doctype"}
MEMORY_KIB = 300 << 10


def test_there_are_enough():
    assert len(corpus.FILES) >= 40 and len(corpus.HOSTILE) >= 40


@pytest.mark.parametrize("name", corpus.FILES)
def test_ordinary(tmp_path, name):
    kind, content, want, expected = corpus.FILES[name]
    records, end = read(tmp_path, kind, content, want)
    assert end["reason"] == "ok", end
    found = [text for text, record in zip(short(records), records) if record["k"] in ("row", "text", "heading")]
    if expected is None:
        assert records
    else:
        assert found == expected


@pytest.mark.parametrize("name", corpus.HOSTILE)
def test_hostile(tmp_path, name):
    """000-management#9"""
    kind, content = corpus.HOSTILE[name]
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    for want in ("blocks", "rows"):
        with path.open("rb") as file:
            child = subprocess.Popen([READER, kind, want], stdin=file, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                     env=child_environment())
            began = time.monotonic()
            out = child.stdout.read()
            said = child.stderr.read().decode(errors="replace")
            _, status, usage = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            child.stdout.close()
            child.stderr.close()
        assert child.returncode == 0 and not sanitizer_report(said), (child.returncode, said[-2000:])
        *records, end = frames(out)
        assert end["k"] == "end" and end["reason"] in REASONS, end
        if name == "xml with a hundred thousand attributes":
            assert end["reason"] == "damaged"  # its cost grows with the square
        assert b"root:" not in out and time.monotonic() - began < 60
        if "asan" not in str(READER):
            assert usage.ru_maxrss < MEMORY_KIB
        if kind == "pdf" and "script" in name or "program" in name or "fetches" in name:
            assert any("Plain words" in str(record) for record in records)


@pytest.mark.parametrize("kind", ["csv", "txt", "md"])
def test_cut_at_every_thousandth_byte(tmp_path, kind):
    """Text that ends anywhere is text; what was before the cut comes out."""
    rows = corpus.many(corpus.THAI, 120)
    content = (corpus.csv(rows) if kind == "csv" else "\n\n".join(row[1] for row in rows)).encode()
    for n in range(1000, len(content), 1000):
        records, end = read(tmp_path, kind, content[:n], "rows" if kind == "csv" else "blocks")
        assert end["reason"] == "ok" and len(records) > n // 200
