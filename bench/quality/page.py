# SPDX-License-Identifier: Apache-2.0
"""The tables of docs/quality.md, each between two marks."""

import pathlib

PAGE = pathlib.Path(__file__).resolve().parents[2] / "docs" / "quality.md"


def write(name, text):
    begin, end = f"<!-- {name}: written by bench/quality -->", f"<!-- end of {name} -->"
    page = PAGE.read_text(encoding="utf-8")
    head, rest = page.split(begin)
    PAGE.write_text(head + begin + "\n" + text + "\n" + end + rest.split(end)[1], encoding="utf-8")
