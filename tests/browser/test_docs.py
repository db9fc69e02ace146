# SPDX-License-Identifier: Apache-2.0
"""The page at /docs in a browser."""

import re

import pytest
from fake_parley import FakeParley
from pages import ROOT, pages

SIZES = [(320, 640), (768, 900), (1280, 800)]


@pytest.fixture
def fake():
    with FakeParley(pages()) as one:
        yield one


@pytest.mark.parametrize("name", ["index.html", "docs.js", "docs.css"])
def test_no_other_host_in_it(name):
    """001-brands#37: the page names no other host"""
    text = (ROOT / "web" / "docs" / name).read_text(encoding="utf-8")
    assert not re.search(r"\b(?:https?|wss?|ftp)://", text)
    assert not re.search(r"""["'(]//\w""", text)


def test_lists_by_tag_and_finds(browser, fake):
    seen = browser("docsLists", f"{fake.url}/docs")
    assert seen["groups"] == ["brands", "chat"]
    assert len(seen["operations"]) == 6
    assert seen["operations"][0] == "GET/brands/{brand_id}One brand"
    assert seen["operations"][-1] == "WS/ws/chat/{brand_id}The socket"


def test_shows_schemas_limits_and_examples(browser, fake):
    browser("docsReads", f"{fake.url}/docs")


def test_tries_an_operation(browser, fake):
    browser("docsTries", f"{fake.url}/docs")


def test_sends_body_and_credentials(browser, fake):
    browser("docsSends", f"{fake.url}/docs", expected=["422"])


def test_uploads(browser, fake):
    browser("docsUploads", f"{fake.url}/docs")


def test_keyboard(browser, fake):
    browser("docsKeyboard", f"{fake.url}/docs")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", SIZES)
def test_accessible_and_in_the_window(browser, fake, scheme, width, height):
    browser("docsLooks", f"{fake.url}/docs", colorScheme=scheme, viewport={"width": width, "height": height})


def test_real_docs(browser, server):
    """001-brands#37"""
    real = server({"demo": True})
    seen = browser("docsLists", f"{real.url}/docs")
    assert len(seen["operations"]) > 30
    browser("docsReal", f"{real.url}/docs")
    browser("docsLooks", f"{real.url}/docs", all=True, viewport={"width": 320, "height": 640})
