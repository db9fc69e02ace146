# SPDX-License-Identifier: Apache-2.0
"""Brand configuration and the system prompt endpoints (001 sections 4, 14.1, 14.2)."""
import json

import pytest

from api.helpers import CHAT_SETTINGS, CONFIG_KEYS, TIME, fault, faults, ok, refused, unique


def put(brand, **fields):
    return brand.site.admin.put(f"{brand.path}/config", json=fields)


def setting(brand, key, value):
    return put(brand, chat_settings={key: value})


@pytest.fixture(scope="module")
def shop(site):
    """A brand whose configuration the tests of limits try to break; each sets what it looks at."""
    return site.brand()


def test_6_partial_changes(site):
    """001-brands#6: absent leaves alone, company_info is replaced, chat_settings merged, a fault changes nothing."""
    brand = site.brand()
    brand.configure(system_prompt="P", company_info={"name": "Old", "founded": "1999"})
    before = brand.config
    after = brand.configure(company_info={"name": "X"})
    assert set(after) == CONFIG_KEYS and after["company_info"] == {"name": "X"}
    assert (after["system_prompt"], after["welcome_message"]) == ("P", before["welcome_message"])
    after = brand.configure(chat_settings={"suggestion_limit": 1})
    assert after["chat_settings"] == {**CHAT_SETTINGS, "suggestion_limit": 1}
    fault(put(brand, appearance_settings={"primary_color": "red"}, system_prompt="Q"),
          ["body", "appearance_settings", "primary_color"], "string_pattern_mismatch")
    assert brand.config == after
    reply = site.admin.put(f"{brand.path}/config?welcome_message=Hi%20there")
    assert ok(reply)["welcome_message"] == "Hi there"
    assert brand.config["welcome_message"] == "Hi there"


def test_shape_and_times(site):
    brand = site.brand()
    config = brand.configure(persona_prompt="calm")
    assert set(config) == CONFIG_KEYS and TIME.fullmatch(config["updated_at"]) and config["persona_prompt"] == "calm"
    assert brand.config == config
    assert ok(site.admin.get(brand.path))["updated_at"] is not None  # of the row or of its configuration
    assert put(brand).json()["chat_settings"] == config["chat_settings"]


def test_older_form_in_the_query(site):
    """4.2: any field as query parameter, objects as JSON text; a body field wins."""
    brand = site.brand()
    reply = site.admin.put(f"{brand.path}/config", params={
        "system_prompt": "from query", "company_info": json.dumps({"name": "Q", "n": 3}),
        "chat_settings": json.dumps({"suggestion_limit": 2})}, json={"system_prompt": "from body"})
    config = ok(reply)
    assert config["system_prompt"] == "from body" and config["company_info"] == {"name": "Q", "n": 3}
    assert config["chat_settings"]["suggestion_limit"] == 2
    for bad in ("{", "[1]", "text"):
        reply = site.admin.put(f"{brand.path}/config", params={"company_info": bad})
        assert faults(reply)[0]["loc"][:2] == ["query", "company_info"]


def test_null_leaves_alone_where_it_is_no_value(site):
    brand = site.brand(chat={"language": "pt-BR", "allowed_domains": ["shop.example"]}, persona_prompt="p")
    before = brand.config
    after = brand.configure(system_prompt=None, persona_prompt=None, welcome_message=None, company_info=None,
                            appearance_settings=None, chat_settings=None)
    assert {**after, "updated_at": 0} == {**before, "updated_at": 0}
    after = brand.configure(chat_settings={"temperature": None, "language": None, "allowed_domains": None})
    assert after["chat_settings"] == CHAT_SETTINGS


def test_persona_cleared_by_empty_text(site):
    brand = site.brand(persona_prompt="calm")
    assert brand.configure(persona_prompt="")["persona_prompt"] is None


@pytest.mark.parametrize("field, low, high", [("system_prompt", 1, 10000), ("persona_prompt", 0, 10000),
                                              ("welcome_message", 1, 500)])
def test_borders_of_texts(shop, field, low, high):
    text = "ก" * high
    assert ok(put(shop, **{field: text}))[field] == text
    fault(put(shop, **{field: text + "x"}), ["body", field], "string_too_long",
          f"String should have at most {high} characters")
    if low:
        fault(put(shop, **{field: ""}), ["body", field], "string_too_short")
        fault(put(shop, **{field: " \n"}), ["body", field], "string_too_short")
    for bad in (7, True, ["x"], {}):
        fault(put(shop, **{field: bad}), ["body", field], "string_type", "Input should be a valid string")
    fault(put(shop, **{field: "a\0b"}), ["body", field], "string_invalid")
    assert shop.config[field] == text


def test_length_counts_after_trimming_and_texts_stay_as_sent(shop):
    text = "  " + "x" * 500 + "\n\n"
    assert ok(put(shop, welcome_message=text))["welcome_message"] == text


@pytest.mark.parametrize("field", ["company_info", "appearance_settings"])
class TestObjects:
    def test_values_of_any_kind_and_order(self, shop, field):
        value = {"z": "last", "a": 1, "b": True, "c": None, "d": [1, {"e": "deep"}], "f": 1.25}
        reply = put(shop, **{field: value})
        assert ok(reply)[field] == value and list(ok(reply)[field]) == list(value)

    def test_number_of_keys(self, shop, field):
        ok(put(shop, **{field: {f"k{n}": n for n in range(32)}}))
        fault(put(shop, **{field: {f"k{n}": n for n in range(33)}}), ["body", field], "too_long")

    @pytest.mark.parametrize("length, good", [(1, True), (64, True), (65, False), (0, False)])
    def test_length_of_keys(self, shop, field, length, good):
        reply = put(shop, **{field: {"k" * length: 1}})
        if good:
            ok(reply)
        else:
            assert faults(reply)[0]["loc"][:2] == ["body", field]
            assert faults(reply)[0]["type"] == ("string_too_long" if length else "string_too_short")

    @pytest.mark.parametrize("value, good", [("x", True), ([["x"]], True), ({"a": {"b": 1}}, True), ([[["x"]]], False),
                                             ({"a": {"b": {"c": 1}}}, False), ([{"a": ["x"]}], False),
                                             ([{"a": []}], True)])
    def test_depth(self, shop, field, value, good):
        # A value itself is depth 1: [["x"]] is 3 deep, its innermost text counted.
        reply = put(shop, **{field: {"k": value}})
        if good:
            ok(reply)
        else:
            assert faults(reply)[0]["loc"][:2] == ["body", field]

    def test_size(self, shop, field):
        def of(size):  # {"k":"xxx"} compact
            return {"k": "x" * (size - len('{"k":""}'))}

        ok(put(shop, **{field: of(8 * 1024)}))
        assert faults(put(shop, **{field: of(8 * 1024 + 1)}))[0]["loc"][:2] == ["body", field]

    @pytest.mark.parametrize("bad", ["text", 5, True, [], [1]])
    def test_no_object(self, shop, field, bad):
        fault(put(shop, **{field: bad}), ["body", field], "dict_type", "Input should be a valid dictionary")


@pytest.mark.parametrize("key", ["primary_color", "secondary_color"])
@pytest.mark.parametrize("value, good", [
    ("#abc", True), ("#A1b2C3", True), ("#a1b2c3d4", True), ("#ab", False), ("#abcd", False), ("#abcde", False),
    ("#abcdefg", False),
    ("abcdef", False), ("#ggg", False), ("rgb(1,2,3)", False), ("", False), ("#abc\n", False)])
def test_colours(shop, key, value, good):
    reply = put(shop, appearance_settings={key: value})
    if good:
        assert ok(reply)["appearance_settings"] == {key: value}
    else:
        fault(reply, ["body", "appearance_settings", key], "string_pattern_mismatch")


@pytest.mark.parametrize("value, good", [
    ("https://cdn.example/logo.svg", True), ("http://cdn.example/logo.svg", True), ("/assets/logo.svg", True),
    ("/", True),
    ("//cdn.example/logo.svg", False), ("javascript:alert(1)", False), ("data:image/png;base64,AA", False),
    ("logo.svg", False),
    ("ftp://cdn.example/x", False), ("", False), ("/" + "a" * 2047, True), ("/" + "a" * 2048, False)])
def test_logo_url(shop, value, good):
    reply = put(shop, appearance_settings={"logo_url": value})
    if good:
        assert ok(reply)["appearance_settings"] == {"logo_url": value}
    else:
        assert faults(reply)[0]["loc"] == ["body", "appearance_settings", "logo_url"]
        assert faults(reply)[0]["type"] in ("string_pattern_mismatch", "string_too_long", "string_too_short")


NUMBERS = [  # key, lowest, highest, step over the border, whole number
    ("messages_per_minute", 1, 600, 1, True), ("temperature", 0, 2, 0.01, False), ("max_tokens", 1, 8000, 1, True),
    ("voice_max_tokens", 10, 200, 1, True), ("history_messages", 0, 100, 1, True), ("suggestion_limit", 0, 10, 1, True),
    ("similarity_threshold", 0, 1, 0.001, False)]


@pytest.mark.parametrize("key, low, high, step, whole", NUMBERS)
def test_borders_of_numbers(shop, key, low, high, step, whole):
    at = ["body", "chat_settings", key]
    for value in (low, high):
        assert ok(setting(shop, key, value))["chat_settings"][key] == value
    assert ok(setting(shop, key, str(high)))["chat_settings"][key] == high  # numeric text is read as a number
    fault(setting(shop, key, low - step), at, "greater_than_equal", f"Input should be greater than or equal to {low}")
    fault(setting(shop, key, high + step), at, "less_than_equal", f"Input should be less than or equal to {high}")
    kind, word = ("int", "integer") if whole else ("float", "number")
    fault(setting(shop, key, "much"), at, f"{kind}_parsing",
          f"Input should be a valid {word}, unable to parse string as {'an' if whole else 'a'} {word}")
    for bad in ([], {}):
        fault(setting(shop, key, bad), at, f"{kind}_type", f"Input should be a valid {word}")
    assert shop.config["chat_settings"][key] == high


@pytest.mark.parametrize("key", [key for key, _, _, _, whole in NUMBERS if whole])
def test_fractions_are_no_whole_numbers(shop, key):
    found = faults(setting(shop, key, 20.5))
    assert found[0]["loc"] == ["body", "chat_settings", key] and found[0]["type"] in ("int_type", "int_parsing",
            "int_from_float")


@pytest.mark.parametrize("key", ["public_access", "listed", "suggestions", "suggest_unavailable", "typing_frames",
                                 "price_guard"])
def test_booleans(site, key):
    brand = site.brand()
    for value, stored in ((True, True), ("off", False), ("YES", True), (False, False)):
        assert ok(setting(brand, key, value))["chat_settings"][key] is stored
    fault(setting(brand, key, "maybe"), ["body", "chat_settings", key], "bool_parsing")
    fault(setting(brand, key, []), ["body", "chat_settings", key], "bool_type", "Input should be a valid boolean")


@pytest.mark.parametrize("key, good, bad", [
    ("conversation_ids", ["any", "issued"], ["", "none", "ANY"]),
    ("currency", ["EUR", "THB", "JPY"], ["usd", "EURO", "EU", "", "12A", "E R"]),
    ("language", ["en", "pt-BR", "zh-Hant", "th"], ["e", "", "english words", "pt_BR!", "abcdefghijk", "-en"])])
def test_words(site, key, good, bad):
    brand = site.brand()
    for value in good:
        assert ok(setting(brand, key, value))["chat_settings"][key] == value
    for value in bad:
        found = faults(setting(brand, key, value))
        assert found[0]["loc"] == ["body", "chat_settings", key], (value, found)
        assert found[0]["type"] in ("enum", "string_pattern_mismatch", "string_too_short", "string_too_long")
    fault(setting(brand, key, 5), ["body", "chat_settings", key], "string_type")
    assert brand.config["chat_settings"][key] == good[-1]


def test_conversation_ids_fault_names_what_is_allowed(shop):
    found = faults(setting(shop, "conversation_ids", "none"))[0]
    assert found["type"] == "enum" and "any" in found["msg"] and "issued" in found["msg"]


def test_allowed_domains(site):
    brand = site.brand()
    at = ["body", "chat_settings", "allowed_domains"]
    for value in ([], ["a"], ["x" * 255], [f"h{n}.example" for n in range(100)], None):
        assert ok(setting(brand, "allowed_domains", value))["chat_settings"]["allowed_domains"] == value
    fault(setting(brand, "allowed_domains", [f"h{n}.example" for n in range(101)]), at, "too_long",
          "List should have at most 100 items")
    fault(setting(brand, "allowed_domains", [""]), at + [0], "string_too_short")
    fault(setting(brand, "allowed_domains", ["ok.example", "x" * 256]), at + [1], "string_too_long")
    fault(setting(brand, "allowed_domains", [3]), at + [0], "string_type")
    fault(setting(brand, "allowed_domains", "shop.example"), at, "list_type", "Input should be a valid list")
    assert brand.config["chat_settings"]["allowed_domains"] is None


def test_unknown_chat_settings_are_ignored(site):
    brand = site.brand()
    assert ok(put(brand, chat_settings={"unknown": 1, "suggestion_limit": 2}, nothing=[]))["chat_settings"] == {
        **CHAT_SETTINGS, "suggestion_limit": 2}


def test_a_fault_anywhere_writes_nothing(site):
    brand = site.brand()
    before = brand.config
    found = faults(put(brand, system_prompt="new", welcome_message="",
                       chat_settings={"temperature": 3, "max_tokens": 0, "suggestions": False}))
    assert {tuple(entry["loc"]) for entry in found} == {
        ("body", "welcome_message"), ("body", "chat_settings", "temperature"), ("body", "chat_settings", "max_tokens")}
    assert brand.config == before


def test_at_most_fifty_faults(site):
    brand = site.brand()
    found = faults(put(brand, chat_settings={"allowed_domains": [""] * 90}))
    assert len(found) == 50


def test_system_prompt_endpoints(site):
    """14.1, 14.2."""
    brand = site.brand(name="Kelp Books")
    brand.configure(system_prompt="You advise hikers.")
    keys = {"brand_id", "brand_name", "system_prompt", "updated_at"}
    shown = ok(site.admin.get(f"{brand.path}/system-prompt"))
    assert shown == {"brand_id": brand.id, "brand_name": "Kelp Books", "system_prompt": "You advise hikers.",
                     "updated_at": brand.config["updated_at"]}
    changed = ok(site.admin.put(f"{brand.path}/system-prompt", json={"system_prompt": "You advise climbers."}))
    assert set(changed) == keys | {"message"} and changed["message"] == "System prompt updated successfully"
    assert changed["system_prompt"] == "You advise climbers." == brand.config["system_prompt"]
    fault(site.admin.put(f"{brand.path}/system-prompt", json={}), ["body", "system_prompt"], "missing",
          "Field required")
    fault(site.admin.put(f"{brand.path}/system-prompt", json={"system_prompt": ""}), ["body", "system_prompt"],
          "string_too_short")
    fault(site.admin.put(f"{brand.path}/system-prompt", json={"system_prompt": "x" * 10001}), ["body", "system_prompt"],
          "string_too_long")
    assert brand.config["system_prompt"] == "You advise climbers."
    ok(site.admin.put(f"{brand.path}/system-prompt", json={"system_prompt": "x" * 10000}))


def test_7_configuration_reaches_the_next_turn(model):
    """001-brands#7: prompt, persona, company in the first message, the customer's text last; open sockets too."""
    brand = model.brand()
    with brand.socket() as socket:
        brand.configure(system_prompt="S-4711", persona_prompt="P-4712",
                        company_info={"founded": "1987", "empty": "", "list": [1, "b"]})
        brand.say("  Is {this} verbatim?  ")
        first, *_, last = model.llm.chats()[-1]["messages"]
        assert first["role"] == "system" and first["content"].startswith("S-4711\n\n## Persona\nP-4712\n\n## Company\n")
        assert "- founded: 1987" in first["content"].splitlines() and '- list: [1,"b"]' in first["content"].splitlines()
        assert "- empty" not in first["content"]
        # The message is stored and used trimmed (2.2); beyond that it is verbatim.
        assert last["role"] == "user" and last["content"].strip() == "Is {this} verbatim?"
        socket.turn("And here?")
        first, *_, last = model.llm.chats()[-1]["messages"]
        assert first["content"].startswith("S-4711") and last["content"] == "And here?"
    assert brand.config["welcome_message"] not in json.dumps(model.llm.chats())


def test_model_parameters(model):
    brand = model.brand(chat={"temperature": 0.25, "max_tokens": 77, "voice_max_tokens": 33})
    brand.say("one")
    body = model.llm.chats()[-1]
    assert body["temperature"] == 0.25 and body.get("max_tokens", body.get("max_completion_tokens")) == 77
    brand.say("two", voice=True)
    body = model.llm.chats()[-1]
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 33


@pytest.mark.parametrize("limit, expected", [(0, []), (2, ["m2", "m2"]), (3, ["m2", "m2"]),
                                             (4, ["m1", "m1", "m2", "m2"])])
def test_history_messages_in_whole_pairs(model, limit, expected):
    """4.2: earlier messages sent to the model, rounded down to pairs (the test double echoes)."""
    brand = model.brand(chat={"history_messages": limit})
    for n in range(3):
        brand.say(f"m{n}", conversation_id="c")
    model.llm.clear()
    brand.say("m3", conversation_id="c")
    messages = [m for m in model.llm.chats()[-1]["messages"] if m["role"] != "system"]
    assert [m["content"] for m in messages[:-1]] == expected
    assert [m["role"] for m in messages] == ["user", "assistant"] * (len(expected) // 2) + ["user"]
    assert messages[-1]["content"] == "m3"


def test_no_templating(model):
    prompt = "Braces {stay} {{braces}} %s $1 [[price:x]] \\n"
    brand = model.brand(system_prompt=prompt)
    brand.say("x")
    assert model.llm.chats()[-1]["messages"][0]["content"].startswith(prompt)


def test_language_and_unset_company(model):
    brand = model.brand(company_info={}, chat={"language": "pt-BR"})
    brand.say("x")
    content = model.llm.chats()[-1]["messages"][0]["content"]
    assert "## Company" not in content and "## Persona" not in content and "Portuguese" in content


def test_brand_of_another_form_of_the_id(site):
    brand = site.brand()
    assert ok(site.admin.get(f"/brands/{brand.id.upper().replace('-', '_')}/config"))["brand_id"] == brand.id


def test_unknown(site):
    refused(site.admin.get(f"/brands/{unique('no')}/config"), 404, "Brand not found")
