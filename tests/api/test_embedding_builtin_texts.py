# SPDX-License-Identifier: Apache-2.0
"""Long texts and hostile ones before the built-in embedder, through the server as anybody reaches it."""
import json

import pytest

from api.fixtures import Site
from api.helpers import eventually
from api.test_documents import Desk
from api.test_embedding_builtin import MODEL, embedded, index, needs_model
from api.test_embedding_builtin_stores import settled
from api.test_knowledge import Bot

pytestmark = needs_model

LENIENT = {"relevanceThreshold": 0.1, "retrievalMethod": "semantic"}
THINGS = ["lamp", "kettle", "tent", "pencil", "bicycle", "carpet", "mirror", "glove", "clock", "ladder"]
TALES = ["The {} of hall {} is kept on a high shelf, and somebody dusts it before the guests come.",
         "Nobody knows who made {} number {}, but its wood was cut beside the lake in a cold winter.",
         "A {} like the one in room {} stood in our grandmother's kitchen for half of her life.",
         "When the sun is low, {} {} throws a shadow that reaches the stairs and the old door.",
         "The painter came back to the {} in corner {} again and again, and never sold a picture of it."]
FACT = "Parcels arrive three days after the order, on the islands five."
POST = f"""We hand everything that was ordered before noon to the carrier on the same afternoon, and whatever comes
later on the next working day. You get a message with a number, and the carrier's page tells where your box is.
{FACT} The carrier rings once and leaves a card when nobody opens; then it lies at the post office for a week.
Heavy things come on a pallet, with two people who carry them up to the second floor. What goes abroad passes
customs, and the fees are paid by whoever opens the door. Somebody else may sign for you if you tell us a
name. A box that is wet or torn is better refused at once, with a picture of it; we send another one that same
week and ask nothing for it. Presents are wrapped in paper, with a card but without a bill. In December
everything takes longer, because the roads are full and the nights are long.""".replace("\n", " ")
ASKED = "ของจะมาถึงกี่วันหลังสั่งซื้อ"
# One passage, and two windows of the model: the second says how things are sent.
HOUSE = "这座老房子有很多房间，墙上挂着画，地板是橡木做的，窗外可以看见湖。"
SENT = "包裹在订购后三天送到，送到岛上需要五天。快递员按一次门铃，没人开门就把包裹放在邮局。满五百元免运费。"


def tales(words):
    """Paragraphs of together about this many words, of twelve sentences each, about one thing after the other."""
    made, count = [], 0
    while count < words:
        n = len(made)
        made.append(" ".join(TALES[i % 5].format(THINGS[(n + i // 5) % 10], 12 * n + i) for i in range(12)))
        count += len(made[-1].split())
    return made


@pytest.mark.release
def test_a_fact_late_in_a_long_text_is_found_by_its_meaning(server):
    """Of 6,000 words one sentence in the last third answers, in a paragraph about its subject, and shares no word with
    the question."""
    bot = Bot(Site(server({"embedding.builtin": MODEL, "sample_data": False})))
    long = tales(6000)
    long.insert(len(long) * 4 // 5, POST)
    base = bot.make(items=[{"title": "Handbook", "content": "\n\n".join(long)}], settings=LENIENT)
    embedded(bot, base)
    found = bot.search(base, ASKED, limit=1)
    assert found and FACT in found[0]["highlight"], found


def test_a_fact_late_in_a_long_passage_is_found_by_its_meaning(server):
    """The last window of a passage answers, and the first one of none does."""
    bot = Bot(Site(server({"embedding.builtin": MODEL, "sample_data": False})))
    base = bot.make(items=[{"title": "手册", "content": HOUSE * 22 + SENT * 6},
                           {"title": "手册", "content": HOUSE * 18}], settings=LENIENT)
    embedded(bot, base)
    found = bot.search(base, "How many days until my parcel arrives?", limit=2)
    assert found and SENT in found[0]["content"], found


@pytest.mark.release
def test_reasons_are_those_of_the_turn(server, parley):
    """`parley ask` shows how near each passage is as the answer's sources say it."""
    one = server({"embedding.builtin": MODEL})
    settled(one)
    one.stop(0)
    ask = ("ask", "--data", one.data, "--embedding.builtin", MODEL, "Wann kommt meine Bestellung an?")
    sources = json.loads(parley(*ask, "--json").stdout)["metadata"]["sources"]
    reasons = parley(*ask).stdout.split("\npassages\n")[1]
    assert sources and float(reasons.split()[0]) == sources[0]["similarity"], reasons


# ---- hostile texts ---------------------------------------------------------------------------------------------------

HOSTILE = {
    "one word": "a",
    "eighteen for one": "\ufdfa",
    "no space": "กา",
    "one character with many marks": "e" + "\u0301" * 9,
    "nothing to see": "\u200b\u200d\ufeff",
    "controls": "\x01\x1f\x7f\x85",
    "one emoji of many": "\U0001f469\u200d\U0001f467\u200d\U0001f466\u200d",
    "the mark of pieces": "\u2581",
    "marks of the model": "<s></s><pad><mask><unk> ",
    "spaces": " \u3000\t\u00a0\u2003\n",
    "not a character": "\ufffd\uffff\U0010ffff",
    "many scripts": "aéßжשعहกမក中あア한ꦏᏣ𐍈𝕳①ﷺ😀.",
}


def answers(bot, base):
    """The next question has its vector and finds what has none of its words."""
    return eventually(lambda: [item["title"] for item in bot.search(base, ASKED, limit=1)] == ["Parcels"], 60)


@pytest.fixture
def asked(server):
    bot = Bot(Site(server({"embedding.builtin": MODEL, "sample_data": False})))
    base = bot.make(items=[{"title": "Parcels", "content": FACT}], settings=LENIENT)
    embedded(bot, base)
    return bot, base


@pytest.mark.release
def test_hostile_questions(asked):
    """upstream-llm#30: texts of every kind, as long as a question may be, are answered, and so is what comes next."""
    bot, base = asked
    for name, unit in HOSTILE.items():
        text = (unit * 4000)[:4000]
        reply = bot.site.anon.post(f"/chat/{bot.brand.id}", json={"message": text})
        assert reply.status_code < 500, (name, reply.text)
        for query in (text[:1000], "x" + text[:999]):
            reply = bot.admin.get(f"/api/v1/knowledge-bases/{base['id']}/search", params={"query": query})
            assert reply.status_code in (200, 400), (name, reply.text)
    assert answers(bot, base)


def test_halves_of_characters(asked):
    """Lone surrogates in JSON's escapes and broken UTF-8 in an address are refused or replaced."""
    bot, base = asked
    path = f"/api/v1/knowledge-bases/{base['id']}"
    kind = {"Content-Type": "application/json"}
    for half in (rb"\ud800", rb"\udfff\ud800", rb"\ud83d", rb"a\udc00b"):
        body = b'{"title":"' + half + b'","content":"' + half * 500 + b'"}'
        assert bot.admin.post(f"{path}/items", content=body, headers=kind).status_code == 400
        reply = bot.admin.post(f"{bot.path}/conversation", headers=kind,
                               content=b'{"message":"' + half * 600 + b'","sessionId":"halves"}')
        assert reply.status_code == 200, reply.text
        reply = bot.site.anon.post(f"/chat/{bot.brand.id}", headers=kind, content=b'{"message":"' + half + b'"}')
        assert reply.status_code == 422
    for query in ("%ED%A0%80", "%FF%FE", "%C0%80", "%F4%90%80%80", "a%00b"):
        assert bot.admin.get(f"{path}/search?query={query * 20}").status_code in (200, 400)
    assert answers(bot, base)


@pytest.mark.release
def test_hostile_items(asked):
    """A passage of each: whatever is taken gets its vectors."""
    bot, base = asked
    for name, unit in HOSTILE.items():
        reply = bot.admin.post(f"/api/v1/knowledge-bases/{base['id']}/items",
                               json={"title": name, "content": (unit * 1200)[:1200]})
        assert reply.status_code in (201, 400), (name, reply.text)
    assert answers(bot, base)
    settled(bot.site.server)
    assert index(bot.site)["pending"] == 0 and answers(bot, base)


@pytest.mark.release
@pytest.mark.parametrize("name", ["one word", "eighteen for one", "no space"])
def test_a_hostile_document(asked, name):
    """A mebibyte without a space, uploaded and read: questions are answered while its vectors are made, and then."""
    bot, base = asked
    desk, unit = Desk(bot.site), HOSTILE[name]
    made = desk.upload("hostile.txt", unit * ((1 << 20) // len(unit.encode())))
    assert desk.settled(made)["processingStatus"] == "completed"
    assert answers(bot, base)
    settled(bot.site.server)
    assert index(bot.site)["pending"] == 0 and answers(bot, base)
