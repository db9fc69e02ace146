# SPDX-License-Identifier: Apache-2.0
"""Thresholds mean the same with a provider's vectors (001-brands 7, upstream-llm 7.5): its model is calibrated by its
vectors of a fixed background. The double's vectors share one large component, so that all cosines lie above 0.8."""
import pytest

from api.fixtures import running
from api.helpers import Brand, Site, eventually, ids, product
from api.test_models_embed import embeddings, made, of_store
from harness import FakeLlm

COMMON = "common=2"
PATH = "/api/v1/admin/llm/providers"
RELATED, UNRELATED = "brasslampshade with dimmerswitch", "Tell me who won the football match yesterday"
THRESHOLD = 0.3


@pytest.fixture
def fake():
    one = FakeLlm().start()
    one.set(embed=COMMON, answer="fixed:Yes.")
    yield one
    one.stop()


def provider(fake, **more):
    return {"a": {"baseUrl": fake.url, "embeddingModel": "vec", "retries": 0, **more}}


def products():
    return [product("p", name="Quokka", description="A brass lamp shade with a dimmer switch."),
            product("q", name="Numbat", description="A folding chair of oak, for gardens."),
            product("r", name="Bilby", description="A kettle that boils water in two minutes."),
            product("s", name="Quoll", description="Woollen blankets, woven by hand.")]


def calibrated(site, brand):
    """The models whose calibration is kept for the brand."""
    rows = of_store(site, "SELECT model FROM vectors WHERE brand_id = ? AND kind = 'calibration'", brand.id)
    return [model for model, in rows]


def best(brand, question):
    found = brand.search(question)
    return (found[0]["product"]["id"], found[0]["similarity_score"]) if found else (None, 0)


def background(fake):
    """Requests of its texts."""
    return [entry for entry in embeddings(fake) if any("museum" in text for text in entry["body"]["input"])]


def tells(brand):
    """Related and unrelated are told apart by vectors alone: no word of either question stands in a product."""
    id, score = best(brand, RELATED)
    return id == "p" and score >= THRESHOLD and best(brand, UNRELATED)[1] < THRESHOLD


def test_an_unrelated_question_is_refused(fake):
    """Related is found and unrelated is not, in searches and in turns; with the floor of before all is found. The
    background is asked for once, questions as questions, for all brands of the server."""
    with running(llm=provider(fake, queryPrefix="query: ", passagePrefix="passage: ")) as site:
        brands = [site.brand(products()), site.brand(products())]
        for brand in brands:
            eventually(lambda brand=brand: calibrated(site, brand) == ["vec"])
            eventually(lambda brand=brand: tells(brand))  # the index is made anew behind that commit
            assert ids(brand.say(RELATED)["suggested_products"]) == ["p"]
            assert brand.say(UNRELATED)["suggested_products"] == []
        texts = [text for entry in background(fake) for text in entry["body"]["input"]]
        assert "passage: The museum opens at ten and closes at six, except on public holidays." in texts
        assert "query: What time does the museum open tomorrow?" in texts
        assert len(texts) == len(set(texts)) and len(background(fake)) == 2
    with running({"embedding.floor": "0.1"}, llm=provider(fake)) as site:
        brand = site.brand(products())
        eventually(lambda: made(site, brand, "vec") == 4)
        eventually(lambda: best(brand, UNRELATED)[1] > 0.7)
        assert calibrated(site, brand) == []


def test_a_restart_asks_for_nothing_again(fake):
    """The calibration is kept with the vectors."""
    with running(llm=provider(fake)) as site:
        brand = site.brand(products())
        eventually(lambda: calibrated(site, brand) == ["vec"])
        eventually(lambda: tells(brand))
        before = brand.search(RELATED)
        fake.clear()
        site.server.stop()
        site.server.restart()
        again = Brand(Site(site.server), brand.id)
        assert again.search(RELATED) == before and tells(again)
        again.add(product("t", name="Dunnart"))
        eventually(lambda: made(site, again, "vec") == 5)
        assert tells(again) and background(fake) == []


def test_a_background_that_fails_harms_nothing(fake):
    """Passages have their vectors and are searched by them, with the fixed floor; the job of the background comes again
    until it has succeeded, and then the indexes are as if nothing had been."""
    fake.mark("museum", status=400)
    with running(llm=provider(fake)) as site:
        brand = site.brand(products())
        eventually(lambda: made(site, brand, "vec") == 4 and background(fake))
        eventually(lambda: of_store(site, "SELECT COUNT(*) FROM jobs WHERE brand_id = ? AND kind = 'embed'",
                                    brand.id) == [(0, )])
        eventually(lambda: best(brand, UNRELATED)[1] > 0.7)
        eventually(lambda: of_store(site, "SELECT MAX(attempts) FROM jobs WHERE brand_id = ? AND kind = 'calibrate'",
                                    brand.id)[0][0], seconds=60)
        assert calibrated(site, brand) == [] and best(brand, RELATED)[0] == "p"
        fake.mark("museum", embed=COMMON)
        eventually(lambda: calibrated(site, brand) == ["vec"], seconds=60)
        eventually(lambda: tells(brand))
        assert of_store(site, "SELECT COUNT(*) FROM jobs WHERE brand_id = ? AND kind = 'calibrate'",
                        brand.id) == [(0, )]


def test_two_brands_with_two_models(fake):
    """While one brand still has the vectors of the model before, each is compared by its own model's calibration."""
    with running(llm=provider(fake)) as site:
        old, new = site.brand(products()), site.brand(products())
        for brand in (old, new):
            eventually(lambda brand=brand: calibrated(site, brand) == ["vec"])
        old.add(product("x", name="Zyzzyva"))
        eventually(lambda: made(site, old, "vec") == 5)
        fake.mark("Zyzzyva", status=400)
        reply = site.admin.put(f"{PATH}/a", json={"embeddingModel": "better", "dimensions": 512})
        assert reply.status_code == 200, reply.text
        eventually(lambda: calibrated(site, new) == ["better#512"], seconds=60)
        assert calibrated(site, old) == ["vec"]
        eventually(lambda: tells(new) and tells(old))
        assert calibrated(site, old) == ["vec"]
        fake.mark("Zyzzyva", embed=COMMON)
        eventually(lambda: calibrated(site, old) == ["better#512"], seconds=90)
        eventually(lambda: tells(old))
