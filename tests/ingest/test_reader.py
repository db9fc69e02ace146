# SPDX-License-Identifier: Apache-2.0
"""parley-read, the confined program that reads files: what it says of good files, and that bad ones harm nobody."""

import json
import os
import pathlib
import resource
import signal
import struct
import subprocess
import sys
import time

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import made  # noqa: E402
from harness.program import child_environment, find_binary, sanitizer_report  # noqa: E402

READER = find_binary("parley-read", "PARLEY_READ")
pytestmark = pytest.mark.skipif(not READER.exists(), reason="parley-read is not built")


def frames(data):
    at, records = 0, []
    while at < len(data):
        (n,) = struct.unpack_from("<I", data, at)
        assert n <= 1 << 20
        records.append(json.loads(data[at + 4:at + 4 + n]))
        at += 4 + n
    assert at == len(data) or not records
    return records


def read(tmp_path, kind, content, want="blocks", timeout=60):
    """The records, without the last; and that."""
    path = tmp_path / "file"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with path.open("rb") as file:
        done = subprocess.run([READER, kind, want], stdin=file, capture_output=True, timeout=timeout,
                              env=child_environment())
    assert not sanitizer_report(done.stderr.decode(errors="replace")), done.stderr.decode(errors="replace")
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    *records, end = frames(done.stdout)
    assert end["k"] == "end"
    return records, end


def short(records):
    return [r.get("cells", r.get("text", r.get("value"))) for r in records]


def test_docx(tmp_path):
    body = (made.paragraph("Bench saws", "berschrift1") + made.paragraph("They cut & last.", "Small")
            + made.table([["size", "price"], ["M", "12"]]) + made.paragraph("End")
            + f"<w:p><w:del><w:r><w:t>gone</w:t></w:r></w:del></w:p>")
    records, end = read(tmp_path, "docx", made.docx(body))
    assert end["reason"] == "ok"
    assert records[0] == {"k": "heading", "level": 1, "text": "Bench saws"}
    assert short(records) == ["Bench saws", "They cut & last.", ["size", "price"], ["M", "12"], "End"]


def test_xlsx(tmp_path):
    book = made.xlsx({"Stock": [["name", "price", "until"], [("shared", 1), 0.30000000000000004, ("date", 46000.5)],
                                [None, None, None], ["b", 899000, True]], "Notes": [["hello"]]}, ["zero", "Lamp"])
    records, end = read(tmp_path, "xlsx", book, "rows")
    assert end["reason"] == "ok"
    assert short(records) == [["name", "price", "until"], ["Lamp", "0.3", "2025-12-09T12:00:00"],
                              ["b", "899000", "true"], ["hello"]]
    assert [(r["sheet"], r["line"], r["table"]) for r in records] == [
        ("Stock", 1, 1), ("Stock", 2, 1), ("Stock", 4, 1), ("Notes", 1, 2)]


def test_pdf(tmp_path):
    document = made.pdf([(20, "Bench saws"), (11, "The saw cuts wood and metal, all day long.")],
                        [(11, "A second page of plain text follows here.")])
    records, end = read(tmp_path, "pdf", document)
    assert (end["reason"], end["pages"]) == ("ok", 2)
    assert [(r["k"], r["page"], r["text"]) for r in records] == [
        ("heading", 1, "Bench saws"), ("text", 1, "The saw cuts wood and metal, all day long."),
        ("text", 2, "A second page of plain text follows here.")]


def test_pdf_without_text_encrypted_or_too_long(tmp_path):
    assert read(tmp_path, "pdf", made.pdf([]))[1]["reason"] == "no_text"
    assert read(tmp_path, "pdf", made.pdf([(11, "secret")], encrypt=True))[1]["reason"] == "encrypted"
    assert read(tmp_path, "pdf", made.pdf(*[[(11, "page")]] * 201))[1]["reason"] == "too_many_pages"
    assert read(tmp_path, "pdf", made.pdf(*[[(11, "page")]] * 200))[1] == {
        "k": "end", "reason": "ok", "column": 0, "pages": 200}
    assert read(tmp_path, "pdf", b"%PDF-1.4\nnothing")[1]["reason"] == "damaged"


HOSTILE = {
    "docx bomb": ("docx", made.bomb, "too_large"),
    "xlsx of many parts": ("xlsx", lambda: made.xlsx({"a": [["x"]]}, **{f"p{i}": "" for i in range(2001)}),
                           "too_large"),
    "billion laughs": ("xml", made.laughs, "doctype"),
    "doctype in a docx": ("docx", lambda: made.archive({"word/document.xml": made.laughs()}), "doctype"),
    "deep xml": ("xml", lambda: "<a>" * 100000 + "</a>" * 100000, "damaged"),
    "deep html": ("html", lambda: "<div>" * 200000 + "deep", None),
    "deep json": ("json", lambda: "[" * 1000000, "damaged"),
    "one long line": ("csv", lambda: "x" * (20 << 20), None),
    "one open quote": ("csv", lambda: 'a,b\n1,"' + "x\n" * (4 << 20), None),
    "many commas": ("csv", lambda: "," * (8 << 20), "no_text"),
    "an office file that is none": ("docx", lambda: made.archive({"other.xml": "<a/>"}), "damaged"),
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("want", ["blocks", "rows"])
def test_hostile(tmp_path, name, want):
    """000-management#9: bombs and their like end in a reason."""
    kind, content, reason = HOSTILE[name]
    _, end = read(tmp_path, kind, content(), want, timeout=90)
    assert end["reason"] == (reason or "ok"), end


def good():
    many = made.paragraph("Head", "berschrift1") + "".join(made.paragraph(f"Line {i} " + "word " * 20)
                                                           for i in range(400))
    return {
        "docx": made.docx(many + made.table([["a", "b"]] * 200)),
        "xlsx": made.xlsx({"S": [[f"n{i}", i * 7919 % 1000, "t" * (i % 30)] for i in range(900)]}),
        "pdf": made.pdf(*[[(11, f"Page {i} line {k} " + "word " * (k % 9)) for k in range(15)] for i in range(20)]),
        "xml": "<c>" + "".join(f"<product><name>n{i}</name><price>{i}</price></product>" for i in range(200)) + "</c>",
        "json": json.dumps([{"id": i, "t": "x" * 20} for i in range(200)]),
        "html": "<table>" + "".join(f"<tr><td>{i}<td>é</tr>" for i in range(400)) + "</table>",
    }


@pytest.mark.parametrize("kind", ["docx", "xlsx", "pdf", "xml", "json", "html"])
def test_cut_at_every_thousandth_byte(tmp_path, kind):
    content = good()[kind]
    content = content if isinstance(content, bytes) else content.encode()
    assert read(tmp_path, kind, content, "rows")[1]["reason"] == "ok"
    for n in range(0, len(content) - 1, 1000):
        reason = read(tmp_path, kind, content[:n], "rows")[1]["reason"]
        assert reason in {"damaged", "no_text"} or kind in {"pdf", "html"}, (n, reason)
    flipped = bytearray(content)
    for n in range(500, len(content), 1000):
        flipped[n] ^= 0xFF
    assert read(tmp_path, kind, bytes(flipped), "rows")[1]["reason"] in {"damaged", "no_text", "ok"}


def status(pid):
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line)


def confined(kind):
    """A reader that waits for its file, which is a pipe here."""
    child = subprocess.Popen([READER, kind, "blocks"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             stderr=subprocess.DEVNULL, env=child_environment())
    deadline = time.monotonic() + 20
    while status(child.pid).get("Seccomp") != "2":
        assert time.monotonic() < deadline and child.poll() is None
        time.sleep(0.01)
    return child


def test_the_reader_is_confined_before_it_reads():
    """No new privileges, a filter, no file that grows, bounded memory and time."""
    child = confined("txt")
    try:
        said = status(child.pid)
        assert (said["NoNewPrivs"], said["Seccomp"]) == ("1", "2")
        assert resource.prlimit(child.pid, resource.RLIMIT_FSIZE) == (0, 0)
        assert resource.prlimit(child.pid, resource.RLIMIT_CPU) == (60, 60)
        if "asan" not in str(READER):
            assert resource.prlimit(child.pid, resource.RLIMIT_AS) == (512 << 20, 512 << 20)
    finally:
        child.communicate(b"text", timeout=20)
    assert child.returncode == 0


def test_no_descriptor_but_its_own():
    child = confined("csv")
    try:
        # A sanitizer keeps none open either.
        assert sorted(os.listdir(f"/proc/{child.pid}/fd")) == ["0", "1", "2"]
    finally:
        child.send_signal(signal.SIGKILL)
        child.communicate(timeout=20)
