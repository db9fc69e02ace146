# SPDX-License-Identifier: Apache-2.0
"""The demo page in a browser: first against a server that does what a test wants, then against the real one."""

import base64
import hashlib
import re

import pytest
from fake_parley import ANSWER, MARKUP, FakeParley
from pages import ROOT, pages

PAGE = (ROOT / "examples" / "browser.html").read_text(encoding="utf-8")
SIZES = [(320, 640), (768, 900), (1280, 800)]


@pytest.fixture
def fake():
    with FakeParley(pages()) as one:
        yield one


def sent(fake, kind):
    return [frame["data"] for frame in fake.frames if frame["type"] == kind]


# ---- The file itself ----


def test_policy_names_the_script():
    script = re.search(r"<script>(.*?)</script>", PAGE, re.S)[1]
    want = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{want}'" in PAGE, f"the script has changed: write 'sha256-{want}' into its policy"


def test_nothing_is_parsed_as_html_and_nothing_comes_from_elsewhere():
    for word in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "DOMParser", "eval("):
        assert word not in PAGE
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//""", PAGE)


# ---- Against a server that does what the test wants ----


def test_asks_and_sees_a_streamed_answer_with_cards(browser, fake):
    assert browser("asks", f"{fake.url}/demo", pieces=5) == ANSWER


def test_markup_stays_text(browser, fake):
    seen = browser("markup", f"{fake.url}/demo", brand="markup")
    assert seen["name"] == MARKUP and seen["answer"] == f"Answer {MARKUP}" and seen["features"] == [MARKUP]


def test_a_lost_answer_is_resumed_where_it_broke_off(browser, fake):
    assert browser("loses", f"{fake.url}/demo") == ANSWER
    assert fake.connections == 2
    (resume,) = sent(fake, "resume")
    assert 0 < resume["offset"] < len(ANSWER) and resume["conversation_id"] == sent(fake, "chat")[0]["conversation_id"]


def test_a_question_that_never_arrived_is_asked_again(browser, fake):
    assert browser("swallowed", f"{fake.url}/demo") == ANSWER
    assert [data["message"] for data in sent(fake, "chat")][1:] == ["swallow this and answer"] * 2
    assert len(sent(fake, "resume")) == 1


def test_any_cut_is_mended(browser, fake):
    assert browser("cut", f"{fake.url}/demo") == ANSWER


def test_stop_by_key_and_by_button(browser, fake):
    browser("stops", f"{fake.url}/demo")
    assert len([frame for frame in fake.frames if frame["type"] == "cancel"]) == 2


def test_new_conversation_begins_with_another_id(browser, fake):
    browser("anew", f"{fake.url}/demo")
    ids = [data["conversation_id"] for data in sent(fake, "chat")]
    assert ids[0] == ids[1] != ids[2]


def test_reload_brings_the_conversation_back(browser, fake):
    browser("reloads", f"{fake.url}/demo")
    assert sent(fake, "resume")[0]["offset"] == 0 and len(sent(fake, "chat")) == 1


def test_an_error_is_shown(browser, fake):
    assert browser("refused", f"{fake.url}/demo") == "Rate limit exceeded. Try again in 12\u00a0s."


def test_unknown_brand_is_said_and_not_tried_again(browser, fake):
    assert browser("unknownBrand", f"{fake.url}/demo") == "Brand 'nope' not found or inactive"
    assert fake.connections == 1


@pytest.mark.parametrize(
    "code, state, banner",
    [
        (1000, "Not connected", r"closed the conversation"),
        (1008, "Not connected", r"refused \(1008\)"),
        (4429, "Reconnecting…", r"Too many messages\. Trying again in (2[3-9]|3\d)\ss"),
        (4408, "Reconnecting…", r"Trying again in"),
        (1011, "Reconnecting…", r""),
    ],
)
def test_close_codes(browser, fake, code, state, banner):
    seen = browser("closes", f"{fake.url}/demo", code=code, state=state)
    assert any(re.search(banner, text) for text in seen["banner"] or [""])
    if state == "Not connected":
        assert seen["state"] == [state] and fake.connections == 1


def test_keyboard_alone(browser, fake):
    browser("keyboard", f"{fake.url}/demo")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width, height", SIZES)
def test_accessible_and_in_the_window(browser, fake, scheme, width, height):
    browser("looks", f"{fake.url}/demo", colorScheme=scheme, viewport={"width": width, "height": height})


def test_nothing_moves_for_those_who_want_it_still(browser, fake):
    browser("still", f"{fake.url}/demo", reducedMotion="reduce")


# ---- Against the real one ----


@pytest.fixture
def demo(server):
    return server({"demo": True})


def test_real_answer_with_the_forge(browser, demo):
    """001-brands#15 as a visitor sees it, and 18: the page at /demo"""
    answer = browser("asks", f"{demo.url}/demo")
    assert "2,899.00 USD" in answer


def test_real_connection_cut_in_an_answer(browser, demo):
    """001-brands#29"""
    browser("cut", f"{demo.url}/demo")


def test_real_markup_stays_text(browser, demo):
    client = demo.api
    client.post("/brands", json={"name": MARKUP, "description": "d", "brand_id": "markup"}).raise_for_status()
    product = {
        "id": "m1", "name": f"Lamp {MARKUP}", "description": MARKUP, "category": MARKUP[:100], "price": 5,
        "features": [MARKUP], "specifications": {"k": MARKUP},
    }  # fmt: skip
    client.post("/brands/markup/products", json=product).raise_for_status()
    seen = browser("markup", f"{demo.url}/demo", brand="markup", question="do you have a lamp?")
    assert seen["name"] == MARKUP and seen["features"] == [MARKUP]


def test_real_reload(browser, demo):
    browser("reloads", f"{demo.url}/demo")


def test_real_unknown_brand(browser, demo):
    """001-brands#22"""
    assert browser("unknownBrand", f"{demo.url}/demo") == "Brand 'nope' not found or inactive"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_real_page_by_keyboard_and_accessible(browser, demo, scheme):
    browser("keyboard", f"{demo.url}/demo", colorScheme=scheme)
    browser("looks", f"{demo.url}/demo", colorScheme=scheme, viewport={"width": 320, "height": 640})
