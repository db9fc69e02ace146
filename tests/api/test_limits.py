# SPDX-License-Identifier: Apache-2.0
"""Rate limits (001 2.3), each class on a server with a small limit. Windows of 60 s are never waited for."""
import time

import pytest
from websockets.exceptions import InvalidStatus

from api.fixtures import running
from api.helpers import ok, product, refused, unique
from api.people import People


@pytest.fixture(scope="module")
def limited():
    """Behind a trusted proxy, so that one machine can be many addresses; each test takes addresses of its own."""
    settings = {"limits.chat": 3, "limits.read": 4, "limits.manage": 50, "limits.connect": 2,
                "trusted_proxies": "127.0.0.0/8"}
    with running(settings) as site:
        yield site


@pytest.fixture
def address():
    """A fresh IPv4 address of a visitor."""
    n = int(unique("").split("-")[0])
    return f"198.18.{n // 250}.{n % 250 + 1}"


def get(site, path, address, **headers):
    return site.anon.get(path, headers={"X-Forwarded-For": address, **headers})


def chat(site, brand, address):
    return site.anon.post(f"/chat/{brand}", json={"message": "hi"}, headers={"X-Forwarded-For": address})


def is_limited(reply, limit):
    wait = int(reply.headers["retry-after"])
    assert 1 <= wait <= 60
    refused(reply, 429, f"Rate limit exceeded. Try again in {wait} seconds.")
    assert (reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) == (str(limit), "0")
    assert 0 <= int(reply.headers["x-ratelimit-reset"]) - time.time() <= 61


def test_read(limited, address):
    """Headers on every limited reply; over the limit 429."""
    for left in (3, 2, 1, 0):
        reply = get(limited, "/products?limit=1", address)
        ok(reply)
        assert (reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) == ("4", str(left))
        assert 0 <= int(reply.headers["x-ratelimit-reset"]) - time.time() <= 61
    is_limited(get(limited, "/products?limit=1", address), 4)


def test_read_covers_all_open_reads_together(limited, address):
    head = {"X-Forwarded-For": address}
    ok(limited.anon.get("/categories", headers=head))
    ok(limited.anon.post("/products/search", json={"query": "x"}, headers=head))
    ok(limited.anon.get("/chat/techpro/history/x", headers=head))
    assert limited.anon.delete("/chat/techpro/x", headers=head).status_code == 404
    for reply in (limited.anon.get("/brands/techpro/products", headers=head),
                  limited.anon.get("/brands/techpro/products/laptop-001", headers=head),
                  limited.anon.delete("/chat/techpro/x", headers=head)):
        is_limited(reply, 4)
    ok(chat(limited, "techpro", address))  # another class


def test_chat_counts_by_brand_and_address(limited, address):
    one, two = limited.brand(), limited.brand()
    for _ in range(2):
        ok(chat(limited, one.id, address))
    ok(limited.anon.post(f"{one.path}/recommendations", json={"query": "x"}, headers={"X-Forwarded-For": address}))
    is_limited(chat(limited, one.id, address), 3)
    is_limited(limited.anon.post(f"{one.path}/recommendations", json={"query": "x"},
                                 headers={"X-Forwarded-For": address}), 3)
    is_limited(chat(limited, one.id.upper().replace("-", "_"), address), 3)  # another spelling is the same brand
    ok(chat(limited, two.id, address))  # section 15: one brand's limit is not another's
    ok(chat(limited, one.id, "198.19.0.1"))


def test_manage_counts_by_user():
    with running({"limits.manage": 3}) as site:
        people, brand = People(site), site.brand()  # the super_admin's first request
        one, two = people.client(brand, "admin"), people.client(brand, "admin")
        for left in ("2", "1", "0"):
            assert one.get("/brands").headers["x-ratelimit-remaining"] == left
        is_limited(one.get(brand.path), 3)
        is_limited(one.post(f"{brand.path}/products", json=product()), 3)
        ok(two.get(brand.path))
        ok(one.get(f"{brand.path}/products"))  # a public endpoint counts by address


def test_refused_requests_do_not_count(limited, address):
    for _ in range(4):
        get(limited, "/products?limit=1", address)
    first = get(limited, "/products?limit=1", address)
    for _ in range(5):
        last = get(limited, "/products?limit=1", address)
    assert int(last.headers["x-ratelimit-reset"]) <= int(first.headers["x-ratelimit-reset"])


def test_limit_by_address_comes_before_credentials_and_brand(limited, address):
    """Section 2: what is refused later counts too, and the limit answers first."""
    for _ in range(4):
        assert get(limited, f"/brands/{unique('no')}/products", address).status_code == 404
    is_limited(get(limited, f"/brands/{unique('no')}/products", address), 4)
    is_limited(get(limited, "/products", address, Authorization="Bearer nonsense"), 4)


def test_connect(limited, address):
    for _ in range(2):
        with limited.socket(headers={"X-Forwarded-For": address}):
            pass
    with pytest.raises(InvalidStatus) as error:
        limited.socket(headers={"X-Forwarded-For": address})
    reply = error.value.response
    assert reply.status_code == 429 and b'"Too many connections"' in reply.body and reply.headers["retry-after"] == "5"
    with limited.socket(headers={"X-Forwarded-For": "198.19.0.2"}):
        pass


@pytest.mark.parametrize("first, second, same", [
    ("2001:db8:1:1::1", "2001:db8:1:1:ffff::2", True), ("2001:db8:2:1::1", "2001:db8:2:2::1", False),
    ("198.18.200.1", "198.18.200.2", False),
    ("198.18.201.1, 198.18.201.9", "198.18.202.1, 198.18.201.9", True),  # the nearest untrusted one counts
    ("198.18.203.1, 127.0.0.9", "198.18.203.1", True), ("198.18.204.1", "198.18.99.1 ,  198.18.204.1", True)])
def test_client_address(limited, first, second, same):
    """2.3: the nearest untrusted address of X-Forwarded-For; IPv6 by its /64."""
    for _ in range(4):
        ok(get(limited, "/products?limit=1", first))
    assert get(limited, "/products?limit=1", second).status_code == (429 if same else 200)


def test_forwarded_addresses_count_only_from_trusted_proxies():
    with running({"limits.read": 2}) as site:
        for n in range(2):
            ok(get(site, "/products?limit=1", f"198.18.0.{n + 1}"))
        is_limited(get(site, "/products?limit=1", "198.18.0.9"), 2)


def test_unlimited(site):
    """0 turns a limit off."""
    reply = site.anon.get("/products?limit=1")
    assert "x-ratelimit-remaining" not in reply.headers or int(reply.headers["x-ratelimit-remaining"]) >= 0
    for _ in range(100):
        assert site.anon.get("/products?limit=1").status_code == 200


def test_what_is_never_limited(limited, address):
    for _ in range(6):
        for path in ("/", "/docs", "/openapi.json", "/health"):
            assert get(limited, path, address).status_code == 200


def test_login_limit():
    """003 1.5: sign-ins by client address."""
    with running({"limits.login": 2}) as site:
        # The fixture has signed in once already.
        replies = [site.anon.post("/api/v1/auth/login", json={"email": "nobody@fern.example",
                                                              "password": "wrong-password"}) for _ in range(2)]
        assert [reply.status_code for reply in replies] == [401, 429]
        body = replies[1].json()
        assert body["code"] == "RATE_LIMIT_EXCEEDED" and int(replies[1].headers["retry-after"]) >= 1
