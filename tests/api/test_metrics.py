# SPDX-License-Identifier: Apache-2.0
"""Metrics (003-platform 13): Prometheus text that its own parser takes, for the operator alone, with as many series as
there are routes and classes and not one for what a stranger sends."""
import re
import secrets

import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.fixtures import need, running
from api.helpers import eventually, ok
from api.people import People
from harness import ADMIN_EMAIL, FakeLlm, find_binary, run

TOKEN = "scrape-" + "0123456789abcdef"
PATH = "/api/v1/metrics"
BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, float("inf")]
CONTRACT = {  # 003-platform 13: name → type and labels
    "chatbots_info": ("gauge", "version environment"), "chatbots_uptime_seconds": ("gauge", ""),
    "chatbots_memory_usage_bytes": ("gauge", "type"), "parley_http_requests": ("counter", "method route code"),
    "parley_http_request_duration_seconds": ("histogram", "route"), "parley_http_in_flight": ("gauge", ""),
    "parley_websocket_connections": ("gauge", ""), "parley_streams_open": ("gauge", ""),
    "parley_turns": ("counter", "surface mode"), "parley_turn_duration_seconds": ("histogram", "surface"),
    "parley_turn_first_token_seconds": ("histogram", "surface"),
    "parley_turn_overhead_seconds": ("histogram", "surface"), "parley_retrieval_duration_seconds": ("histogram", ""),
    "parley_llm_requests": ("counter", "provider outcome"), "parley_llm_first_token_seconds": ("histogram", "provider"),
    "parley_llm_tokens": ("counter", "direction"), "parley_llm_failovers": ("counter", ""),
    "parley_llm_circuit_state": ("gauge", "provider"), "parley_plugin_calls": ("counter", "type outcome"),
    "parley_plugin_call_duration_seconds": ("histogram", "type"), "parley_intents": ("counter", "result"),
    "parley_training_sessions": ("counter", "status"), "parley_training_duration_seconds": ("histogram", ""),
    "parley_learning_items": ("gauge", "status"), "parley_webhook_deliveries": ("counter", "outcome"),
    "parley_webhook_due": ("gauge", ""), "parley_webhook_oldest_due_seconds": ("gauge", ""),
    "parley_line_requests": ("counter", "method outcome"), "parley_line_events": ("counter", "type outcome"),
    "parley_line_answer_seconds": ("histogram", ""), "parley_rate_limited": ("counter", "class"),
    "parley_auth_events": ("counter", "event"), "parley_mails": ("counter", "outcome"),
    "parley_jobs": ("gauge", "type state"), "parley_db_size_bytes": ("gauge", ""), "parley_db_log_bytes": ("gauge", ""),
    "parley_db_query_duration_seconds": ("histogram", ""), "process_resident_memory_bytes": ("gauge", ""),
    "process_open_fds": ("gauge", ""), "process_start_time_seconds": ("gauge", ""),
    "process_cpu_seconds": ("counter", ""),
}
ADDED = {"histogram": {"le"}}


class Scrape:
    def __init__(self, text):
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self.samples = {}
        for family in self.families.values():
            for sample in family.samples:
                key = sample.name, tuple(sorted(sample.labels.items()))
                assert key not in self.samples, f"twice: {key}"
                self.samples[key] = sample.value

    def get(self, name, **labels):
        return self.samples.get((name, tuple(sorted(labels.items()))))

    def sum(self, name, **labels):
        return sum(value for (its, its_labels), value in self.samples.items()
                   if its == name and labels.items() <= dict(its_labels).items())


def scrape(client):
    reply = client.get(PATH)
    assert reply.status_code == 200, reply.text
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scrape(reply.text)


@pytest.fixture(scope="module")
def own():
    """A server that nobody else asks, with a model behind it and limits that can be met."""
    need("parley-fake-llm", "PARLEY_FAKE_LLM")
    fake = FakeLlm().start()
    try:
        settings = {"metrics.token": TOKEN, "limits.read": 5}
        with running(settings, llm={"a": {"baseUrl": fake.url, "retries": 0}}) as site:
            site.scraper, site.llm = site.client(TOKEN), fake
            yield site
    finally:
        fake.stop()


def test_every_name_of_the_contract(own):
    """003-platform#33: the text passes the parser, with all names, their types and no label but theirs."""
    found = scrape(own.scraper)
    assert {name: family.type for name, family in found.families.items()} == {
        name: kind for name, (kind, _) in CONTRACT.items()}
    for name, (kind, labels) in CONTRACT.items():
        for sample in found.families[name].samples:
            assert set(sample.labels) - ADDED.get(kind, set()) == set(labels.split()), sample
            assert sample.value >= 0, sample
        assert found.families[name].documentation


def test_histograms_are_whole(own):
    """Buckets of the contract in order, cumulative, the last one the count."""
    ok(own.anon.post("/chat/techpro", json={"message": "hello"}))
    found, count = scrape(own.scraper), 0
    for family in found.families.values():
        rows = {}
        for sample in family.samples if family.type == "histogram" else []:
            labels = {key: value for key, value in sample.labels.items() if key != "le"}
            rows.setdefault(tuple(sorted(labels.items())), []).append(sample)
        for labels, samples in rows.items():
            buckets = [sample for sample in samples if sample.name.endswith("_bucket")]
            total = found.get(f"{family.name}_count", **dict(labels))
            assert [float(sample.labels["le"]) for sample in buckets] == BUCKETS
            values = [sample.value for sample in buckets]
            assert values == sorted(values) and values[-1] == total
            assert found.get(f"{family.name}_sum", **dict(labels)) >= 0
            count += 1
    assert count >= 10


def test_one_more_for_each_turn(own):
    """003-platform#33: parley_turns_total rises by 1 a turn, and what belongs to a turn with it."""
    before = scrape(own.scraper)
    own.llm.set(answer="echo")
    ok(own.anon.post("/chat/techpro", json={"message": "one"}))
    after = scrape(own.scraper)

    def rise(name, **labels):
        return after.sum(name, **labels) - before.sum(name, **labels)

    assert rise("parley_turns_total") == rise("parley_turns_total", surface="brand", mode="model") == 1
    for name in ("parley_turn_duration_seconds", "parley_turn_first_token_seconds", "parley_turn_overhead_seconds"):
        assert rise(f"{name}_count", surface="brand") == 1
    assert rise("parley_turn_overhead_seconds_sum") <= rise("parley_turn_duration_seconds_sum")
    assert rise("parley_llm_requests_total", provider="a", outcome="ok") == 1
    assert rise("parley_llm_first_token_seconds_count", provider="a") <= 1
    assert rise("parley_llm_tokens_total", direction="completion") > 0
    assert rise("parley_retrieval_duration_seconds_count") >= 1
    assert after.get("parley_llm_circuit_state", provider="a") == 0
    request = {"method": "POST", "route": "/chat/{brand_id}", "code": "200"}
    assert eventually(lambda: scrape(own.scraper).get("parley_http_requests_total", **request))


def test_a_failing_model_shows(own):
    """The quoted answer counts as one, the refused request as its fault."""
    before = scrape(own.scraper)
    own.llm.set(answer="echo", status=500)
    try:
        own.anon.post("/chat/techpro", json={"message": "which laptop is light?"})
    finally:
        own.llm.set(answer="echo", status=200)
    after = scrape(own.scraper)
    assert after.sum("parley_turns_total") - before.sum("parley_turns_total") == 1
    assert after.sum("parley_turns_total", mode="model") == before.sum("parley_turns_total", mode="model")

    def faults(found):
        name = "parley_llm_requests_total"
        return found.sum(name, provider="a") - found.sum(name, provider="a", outcome="ok")

    assert faults(after) == faults(before) + 1


def test_who_may_read_them(own):
    """S, or the bearer of metrics.token: nobody else, and the token opens nothing else."""
    people = People(own)
    brand = own.brand()
    assert own.anon.get(PATH).status_code == 401
    assert own.client(TOKEN[:-1]).get(PATH).status_code == 401
    assert own.client(TOKEN + "0").get(PATH).status_code == 401
    assert people.client(brand, "admin").get(PATH).status_code == 403
    assert people.key_client(brand).get(PATH).status_code == 401
    assert own.admin.get(PATH).status_code == 200
    assert own.client(people.user_key(ADMIN_EMAIL)).get(PATH).status_code == 200
    assert own.anon.get(PATH, headers={"X-API-Key": TOKEN}).status_code == 200
    for path in ("/brands", f"/api/v1/chatbots/{people.chatbot(brand)}/personalities"):
        assert own.scraper.get(path).status_code == 401


def test_without_a_token_nobody_has_it(site):
    """An empty credential is none."""
    assert site.anon.get(PATH, headers={"Authorization": "Bearer"}).status_code == 401
    assert site.admin.get(PATH).status_code == 200


def test_random_paths_add_no_series(own):
    """003-platform#33: 1000 of them; nothing of a request but its template, method and status is ever a label."""
    scrape(own.scraper)
    with own.client() as client:
        for method in ("GET", "POST", "DELETE"):
            client.request(method, "/" + secrets.token_hex(8))
        before = set(scrape(own.scraper).samples)
        for i in range(1000):
            path = "/".join(["", *(secrets.token_hex(4) for _ in range(i % 4 + 1))])
            assert client.request(("GET", "POST", "DELETE")[i % 3], path).status_code == 404
        assert set(scrape(own.scraper).samples) == before
        for i in range(20):
            name = secrets.token_hex(8)
            client.get(f"/brands/{name}/products")
            client.get(f"/chat/{name}/history/{name}")
    text = own.scraper.get(PATH).text
    assert not re.search(r"[0-9a-f]{16}", text)
    unmatched = {"route": "unmatched", "code": "404"}
    assert eventually(lambda: scrape(own.scraper).sum("parley_http_requests_total", **unmatched) >= 1000)


def test_refused_requests_are_counted_by_class(own):
    """parley_rate_limited_total: one a refusal, of its class."""
    before = scrape(own.scraper)
    codes = [own.anon.get("/brands/techpro/categories").status_code for _ in range(8)]
    refused = codes.count(429)
    after = scrape(own.scraper)
    assert refused >= 3
    assert after.get("parley_rate_limited_total", **{"class": "read"}) - before.get("parley_rate_limited_total", **{
        "class": "read"}) == refused
    assert after.sum("parley_rate_limited_total") - before.sum("parley_rate_limited_total") == refused


def test_sockets_and_requests_under_way(own):
    """Open sockets are counted while they are open; this very request is one under way."""
    assert scrape(own.scraper).get("parley_http_in_flight") >= 1
    with own.server.socket("techpro") as socket:
        socket.receive(10)
        assert scrape(own.scraper).get("parley_websocket_connections") == 1
    assert eventually(lambda: scrape(own.scraper).get("parley_websocket_connections") == 0)


def test_the_process_and_the_store(own):
    found = scrape(own.scraper)
    assert found.get("process_resident_memory_bytes") == found.get("chatbots_memory_usage_bytes", type="rss") > 1 << 20
    assert found.get("process_open_fds") > 5 and found.get("process_cpu_seconds_total") > 0
    assert found.get("parley_db_size_bytes") == (own.server.data / "parley.db").stat().st_size
    assert found.get("parley_db_query_duration_seconds_count") > 0
    assert found.get("parley_jobs", type="embed", state="failed") == 0
    assert found.sum("chatbots_info", environment="development") == 1


def test_the_list_is_the_same(own):
    """`parley metrics-list` names what is served."""
    done = run([find_binary("parley", "PARLEY_BIN"), "metrics-list"])
    names = {line.split()[0].removesuffix("_total") for line in done.stdout.splitlines()}
    assert done.returncode == 0 and names == set(CONTRACT)


def test_signing_in_is_counted(own):
    """parley_auth_events_total: what was done, and what was refused."""
    before = scrape(own.scraper)
    wrong = {"email": ADMIN_EMAIL, "password": "not-the-password-1"}
    assert own.anon.post("/api/v1/auth/login", json=wrong).status_code == 401
    tokens = own.server.register()
    first = own.anon.post("/api/v1/auth/refresh-token", json={"refreshToken": tokens["refreshToken"]})
    again = own.anon.post("/api/v1/auth/refresh-token", json={"refreshToken": tokens["refreshToken"]})
    assert (first.status_code, again.status_code) == (200, 401)
    after = scrape(own.scraper)
    for event in ("login_failed", "register", "refresh", "refresh_reuse"):
        name = "parley_auth_events_total"
        assert after.get(name, event=event) - before.get(name, event=event) == 1, event
