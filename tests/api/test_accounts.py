# SPDX-License-Identifier: Apache-2.0
"""Registering, the own account, keys, passwords that were forgotten (003 2.1, 2.2)."""
import re
import time

import pytest

from api.accounts_help import ADMIN, AUTH, PASSWORD, done, failed, place, token_of
from api.helpers import TIME, UUID, unique

USER_KEYS = {"id", "username", "email", "firstName", "lastName", "role", "permissions", "active", "brandId", "brands",
             "lastLogin", "createdAt", "updatedAt"}


@pytest.fixture(scope="module")
def town():
    with place() as town:
        assert town.root.user["role"] == "super_admin"
        yield town


# ---- registering ----------------------------------------------------------------------------------------------------


def test_first_and_second_user():
    """003-platform#1: the first is super_admin, the second admin in a brand of its own; nothing of a password shows."""
    with place() as town:
        names = {"firstName": " Mira ", "lastName": "Okafor"}
        reply = town.post(f"{AUTH}/register", {**town.body(username="mira"), **names})
        body = done(reply, 201)
        data = body["data"]
        assert isinstance(body["message"], str) and set(data["user"]) == USER_KEYS
        assert set(data) == USER_KEYS | {"accessToken", "token", "refreshToken", "expiresIn", "user"}
        assert (data["username"], data["role"], data["firstName"]) == ("mira", "super_admin", "Mira")
        assert data["brandId"] == "mira" and data["brands"] == [{"id": "mira", "name": "mira", "role": "admin"}]
        assert body["token"] == data["accessToken"] == data["token"]
        assert re.fullmatch(r"rt_[\w-]{43}", body["refreshToken"])
        assert "password" not in reply.text.lower() and "argon2" not in reply.text
        assert UUID.fullmatch(data["id"])
        assert all(TIME.fullmatch(data[key]) for key in ("lastLogin", "createdAt", "updatedAt"))
        assert "refreshToken=rt_" in reply.headers["set-cookie"] and reply.headers["cache-control"] == "no-store"
        tom = town.person(username="tom", brandName="Tom's Tents & more")
        assert tom.user["role"] == "admin" and tom.brand == "tom_s_tents_more"
        assert tom.user["brands"][0]["name"] == "Tom's Tents & more" and len(tom.user["permissions"]) == 14
        assert "system:read" in data["permissions"] and "system:read" not in tom.user["permissions"]
        bot = done(tom.client.get("/api/v1/chatbots"))["data"]
        assert [(one["isDefault"], one["status"]) for one in bot] == [(True, "active")]
        first = done(town.client(body["token"]).get("/api/v1/chatbots"))["data"][0]["id"]
        assert first != bot[0]["id"]
        failed(tom.client.get(f"/api/v1/chatbots/{first}"), 404, "NOT_FOUND")
        with town.rows() as database:
            events = dict(database.execute("SELECT name, data FROM events WHERE brand_id = ?", (tom.brand,)).fetchall())
        assert set(events) == {"chatbot.created", "user.registered"}
        told = f'"username":"tom","email":"tom@fern.example","role":"admin","brandId":"{tom.brand}"'
        assert told in events["user.registered"]
        assert town.audit("user_registered", tom.id)[0][:2] == (tom.brand, tom.id)
        assert town.anon.get(f"/chat/{tom.brand}/history/x").status_code == 404  # not open to the public


def test_what_is_wrong_is_named(town):
    """003-platform#2."""
    reply = town.post(f"{AUTH}/register", {"username": "ab", "email": "a@b", "password": "7654321", "foo": 1})
    assert {fault["field"] for fault in failed(reply, 400, "VALIDATION_ERROR")["details"]} == {"username", "email",
                                                                                              "password", "foo"}
    failed(town.post(f"{AUTH}/register", {**town.body(), "role": "admin"}), 403, "FORBIDDEN")
    failed(town.post(f"{AUTH}/register", {**town.body(), "role": "super_admin"}), 403, "FORBIDDEN")
    failed(town.post(f"{AUTH}/register", {}), 400, "VALIDATION_ERROR", "username")
    assert town.person(role="user").user["role"] == "admin"  # ignored without a caller


@pytest.mark.parametrize("change", [{"username": "a b c"}, {"username": "mira@fern"}, {"username": "x" * 51},
                                    {"username": "🙂🙂🙂"}, {"email": "a,b@fern.example"}, {"email": "a@fern.e"},
                                    {"email": "a@b@fern.example"}, {"email": "x" * 65 + "@fern.example"},
                                    {"email": "a@fern.example\r\nBcc: b@fern.example"}, {"password": "x" * 129},
                                    {"password": ["x"]}, {"firstName": "x" * 101}, {"lastName": "a\nb"},
                                    {"brandName": ""}, {"brandName": "x" * 101}])
def test_fields(town, change):
    failed(town.post(f"{AUTH}/register", {**town.body(), **change}), 400, "VALIDATION_ERROR", next(iter(change)))


def test_names_of_any_script(town):
    name = "ณัฐ" + unique("").replace("-", "")
    person = town.person(username=name, email=f"{unique('m')}@fern.example")
    assert person.name == name and person.brand
    assert done(town.post(f"{AUTH}/login", {"username": name, "password": PASSWORD}))["data"]["id"] == person.id


def test_taken(town):
    """003-platform#2: case does not count, and a name may not be somebody's e-mail."""
    person = town.person(username="Straße." + unique("x"))
    for change in ({"username": person.name.upper()}, {"username": person.name.replace("ß", "ss")},
                   {"email": person.email.upper()}):
        body = failed(town.post(f"{AUTH}/register", {**town.body(), **change}), 409, "CONFLICT")
        assert body["message"] == "Username or email already exists"


def test_brands_of_the_same_name(town):
    name = unique("shop")
    brands = [town.person(brandName=name).brand for _ in range(3)]
    assert len(set(brands)) == 3 and brands[1].startswith(brands[0])


def test_registration_by_invitation_alone():
    with place(registration="invite") as town:
        root = town.root  # the very first one needs none
        failed(town.post(f"{AUTH}/register", town.body()), 403, "FORBIDDEN")
        failed(town.post(f"{AUTH}/register", {**town.body(), "inviteToken": "iv_" + "x" * 43}), 403, "FORBIDDEN")
        invite = done(root.client.post(f"{ADMIN}/invites", json={"role": "developer"}), 201)["data"]
        body = town.body()
        guest = done(town.post(f"{AUTH}/register", {**body, "inviteToken": invite["token"]}), 201)["data"]
        assert (guest["role"], guest["brandId"]) == ("developer", root.brand) and len(guest["brands"]) == 1
        failed(town.post(f"{AUTH}/register", {**town.body(), "inviteToken": invite["token"]}), 403, "FORBIDDEN")


def test_registration_closed():
    with place(registration="closed") as town:
        root = town.root
        invite = done(root.client.post(f"{ADMIN}/invites", json={"role": "user"}), 201)["data"]
        failed(town.post(f"{AUTH}/register", town.body()), 403, "FORBIDDEN")
        failed(town.post(f"{AUTH}/register", {**town.body(), "inviteToken": invite["token"]}), 403, "FORBIDDEN")
        assert town.member(root).user["role"] == "user"


def test_an_admin_makes_members(town):
    """With an admin's token and a role: into the admin's brand, without tokens."""
    admin = town.person()
    reply = town.post(f"{AUTH}/register", {**town.body(), "role": "developer"}, admin.client)
    body = done(reply, 201)
    assert not {"token", "refreshToken", "expiresIn"} & (set(body) | set(body["data"]))
    assert "set-cookie" not in reply.headers
    assert (body["data"]["role"], body["data"]["brandId"]) == ("developer", admin.brand)
    member = town.member(admin)
    for client, role, status in ((member.client, "user", 403), (admin.client, "owner", 400),
                                 (admin.client, "super_admin", 400)):
        assert town.post(f"{AUTH}/register", {**town.body(), "role": role}, client).status_code == status
    other = town.person()
    elsewhere = town.client(admin.token, X_Brand_Id=other.brand)
    failed(town.post(f"{AUTH}/register", {**town.body(), "role": "user"}, elsewhere), 404, "NOT_FOUND")
    key = done(admin.client.post(f"{AUTH}/api-key", json={}), 201)["data"]["apiKey"]
    failed(town.post(f"{AUTH}/register", {**town.body(), "role": "user"}, town.client(key)), 403, "FORBIDDEN")


def test_common_passwords_in_production():
    with place(environment="production") as town:
        failed(town.post(f"{AUTH}/register", town.body(password="Password123")), 400, "VALIDATION_ERROR", "password")
        root = town.root
        failed(root.client.put(f"{AUTH}/me", json={"newPassword": "12345678", "currentPassword": PASSWORD}), 400,
               "VALIDATION_ERROR", "newPassword")
        token = town.reset_token(root)
        failed(town.post(f"{AUTH}/password-reset", {"token": token, "password": "qwertyuiop"}), 400, "VALIDATION_ERROR",
               "password")
        done(town.post(f"{AUTH}/password-reset", {"token": token, "password": PASSWORD + "x"}))  # it stayed valid


# ---- signing in -----------------------------------------------------------------------------------------------------


def test_login_by_both_names_and_what_looks_alike(town):
    """003-platform#3."""
    person = town.person()
    for body in ({"username": person.name}, {"username": person.email}, {"email": person.email}):
        assert done(town.post(f"{AUTH}/login", {**body, "password": PASSWORD}))["data"]["id"] == person.id
    wrong = failed(town.post(f"{AUTH}/login", {"email": person.email, "password": "x" * 8}), 401, "INVALID_CREDENTIALS")
    nobody = {"email": "n@fern.example", "password": "x" * 8}
    unknown = failed(town.post(f"{AUTH}/login", nobody), 401, "INVALID_CREDENTIALS")
    assert {**wrong, "requestId": 0} == {**unknown, "requestId": 0}
    rows = town.audit("login_failed", person.id)
    assert rows and rows[0][4] == "127.0.0.1" and town.audit("login", person.id)
    assert "n@fern.example" not in str(town.audit("login_failed"))


def test_unknown_accounts_cost_a_hash_too(town):
    """003-platform#3: a sign-in with an unknown name does the work of one with a known name."""
    def cpu(email):
        before = town.server.cpu_seconds()
        for _ in range(8):
            failed(town.post(f"{AUTH}/login", {"email": email, "password": "x" * 8}), 401, "INVALID_CREDENTIALS")
        return town.server.cpu_seconds() - before

    person = town.person()
    town.post(f"{AUTH}/login", {"email": "warm@fern.example", "password": "x" * 8})
    known, unknown = cpu(person.email), cpu("nobody.at.all@fern.example")
    assert unknown > known / 3, (known, unknown)  # without the hash it is a hundredth


def test_wrong_current_passwords_count_as_failures(town):
    person = town.person()
    for _ in range(20):
        failed(person.client.put(f"{AUTH}/me", json={"newPassword": "y" * 8, "currentPassword": "wrong"}), 400,
               "VALIDATION_ERROR", "currentPassword")
    reply = person.client.put(f"{AUTH}/me", json={"newPassword": "y" * 8, "currentPassword": PASSWORD})
    failed(reply, 429, "RATE_LIMIT_EXCEEDED")
    assert int(reply.headers["retry-after"]) >= 1
    failed(town.post(f"{AUTH}/login", {"email": person.email, "password": PASSWORD}), 429, "RATE_LIMIT_EXCEEDED")


def test_failures_by_either_name_are_one_account(town):
    person = town.person()
    for n in range(20):
        name = {"username": person.name} if n % 2 else {"email": person.email.upper()}
        failed(town.post(f"{AUTH}/login", {**name, "password": "wrong-one"}), 401, "INVALID_CREDENTIALS")
    failed(town.post(f"{AUTH}/login", {"email": person.email, "password": PASSWORD}), 429, "RATE_LIMIT_EXCEEDED")
    with town.rows() as database:  # a quarter of an hour later
        database.execute("UPDATE login_failures SET last_at = last_at - 15 * 60 * 1000")
    person.login()


def test_limit_of_sign_ins():
    """003-platform#8: 21 in a minute."""
    with place(limits__login=20) as town:
        root = town.root
        for _ in range(20):
            reply = town.post(f"{AUTH}/login", {"email": root.email, "password": PASSWORD})
            done(reply)
        reply = town.post(f"{AUTH}/login", {"email": root.email, "password": PASSWORD})
        failed(reply, 429, "RATE_LIMIT_EXCEEDED")
        head = reply.headers
        assert (head["x-ratelimit-limit"], head["x-ratelimit-remaining"]) == ("20", "0")
        assert head["ratelimit-policy"] == '"login";q=20;w=60' and int(head["retry-after"]) >= 1
        assert 0 < int(head["x-ratelimit-reset"]) - time.time() <= 61


def test_families_have_limits_of_their_own():
    """003-platform#8: the 31st request of a family is refused, another family's is not, nor another user's."""
    with place(limits__management=30) as town:
        root, other = town.root, town.person()
        for n in range(30):
            reply = root.client.get("/api/v1/activities" if n % 2 else "/api/v1/activities/stats")
            done(reply)
            assert (reply.headers["x-ratelimit-limit"], reply.headers["x-ratelimit-remaining"]) == ("30", str(29 - n))
        reply = root.client.get("/api/v1/activities")
        failed(reply, 429, "RATE_LIMIT_EXCEEDED")
        assert reply.headers["ratelimit-policy"] == '"management";q=30;w=60' and int(reply.headers["retry-after"]) >= 1
        assert reply.headers["ratelimit"].startswith('"management";r=0;t=')
        done(root.client.get("/api/v1/webhooks"))
        done(other.client.get("/api/v1/activities"))
        failed(root.client.get("/api/v1/activities/stats"), 429, "RATE_LIMIT_EXCEEDED")
        for path in ("/api/v1/health", "/api/v1/health/status"):  # no limit
            for _ in range(31):
                assert root.client.get(path).status_code == 200


# ---- the own account ------------------------------------------------------------------------------------------------


def test_me(town):
    person = town.person()
    data = done(person.client.get(f"{AUTH}/me"))["data"]
    assert set(data) == USER_KEYS and data["id"] == person.id and data["brandId"] == person.brand
    key = done(person.client.post(f"{AUTH}/api-key", json={}), 201)["data"]["apiKey"]
    assert done(town.client(key).get(f"{AUTH}/me"))["data"] == data
    failed(town.client(key).put(f"{AUTH}/me", json={"firstName": "x"}), 403, "FORBIDDEN")
    failed(town.anon.get(f"{AUTH}/me"), 401, "UNAUTHORIZED")
    other = town.person()
    failed(town.client(person.token, X_Brand_Id=other.brand).get(f"{AUTH}/me"), 404, "NOT_FOUND")
    done(town.root.client.put(f"{ADMIN}/users/{person.id}?brandId={other.brand}", json={"role": "user"}))
    seen = done(town.client(person.token, X_Brand_Id=other.brand).get(f"{AUTH}/me"))["data"]
    assert (seen["brandId"], seen["role"]) == (other.brand, "user") and len(seen["brands"]) == 2
    assert done(person.client.get(f"{AUTH}/me"))["data"]["brandId"] == person.brand  # the own one comes first


def test_read_and_write_back_is_no_change(town):
    person = town.person()
    before = done(person.client.get(f"{AUTH}/me"))["data"]
    assert done(person.client.put(f"{AUTH}/me", json=before))["data"] == before
    assert not town.audit("user_updated", person.id)
    after = done(person.client.put(f"{AUTH}/me", json={**before, "firstName": "Ada", "lastName": None}))["data"]
    assert after["firstName"] == "Ada" and after["updatedAt"] > before["updatedAt"]
    (row,) = town.audit("user_updated", person.id)
    assert row[0] == "*" and row[3] == "firstName" and row[5:] == (None, None)
    failed(person.client.put(f"{AUTH}/me", json={"foo": 1}), 400, "VALIDATION_ERROR", "foo")
    failed(person.client.put(f"{AUTH}/me", json={"username": None}), 400, "VALIDATION_ERROR", "username")


def test_a_new_email_needs_the_password_and_is_told_to_the_old_one(town):
    person, other = town.person(), town.person()
    new = f"{unique('new')}@fern.example"
    for password, status in ((None, 400), ("not-mine-at-all", 400), (PASSWORD, 200)):
        body = {"email": new, **({"currentPassword": password} if password else {})}
        reply = person.client.put(f"{AUTH}/me", json=body)
        assert reply.status_code == status
        if status == 400:
            failed(reply, 400, "VALIDATION_ERROR", "currentPassword")
    assert "address" in town.wait_mail(person.email)["Subject"]
    taken = {"email": other.email.upper(), "currentPassword": PASSWORD}
    failed(person.client.put(f"{AUTH}/me", json=taken), 409, "CONFLICT")
    failed(person.client.put(f"{AUTH}/me", json={"username": other.name}), 409, "CONFLICT")
    done(town.post(f"{AUTH}/login", {"email": new, "password": PASSWORD}))


def test_a_new_password_ends_the_other_sign_ins(town):
    person = town.person()
    first, first_refresh = person.client, person.refresh
    person.login()
    done(person.client.put(f"{AUTH}/me", json={"newPassword": "moss-and-granite-7", "currentPassword": PASSWORD}))
    assert person.alive and first.get(f"{AUTH}/me").status_code == 401
    failed(town.post(f"{AUTH}/refresh-token", {"refreshToken": first_refresh}), 401, "INVALID_TOKEN")
    done(town.post(f"{AUTH}/refresh-token", {"refreshToken": person.refresh}))
    failed(town.post(f"{AUTH}/login", {"email": person.email, "password": PASSWORD}), 401, "INVALID_CREDENTIALS")
    assert "password" in town.wait_mail(person.email)["Subject"]


# ---- keys -----------------------------------------------------------------------------------------------------------


def test_keys(town):
    """003-platform#7."""
    person = town.person()
    made = done(person.client.post(f"{AUTH}/api-key", json={"name": "ci"}), 201)["data"]
    assert set(made) == {"id", "name", "apiKey", "hint", "createdAt", "expiresAt"} and made["expiresAt"] is None
    assert re.fullmatch(r"sk_[A-Za-z0-9]{40}", made["apiKey"]) and made["hint"] == made["apiKey"][-8:]
    by_header, by_bearer = town.client(X_API_Key=made["apiKey"]), town.client(made["apiKey"])
    for client in (by_header, by_bearer):
        done(client.get("/api/v1/chatbots"))
        failed(client.post(f"{AUTH}/api-key", json={}), 403, "FORBIDDEN")
        failed(client.delete(f"{AUTH}/api-keys/{made['id']}"), 403, "FORBIDDEN")
        failed(client.get(f"{ADMIN}/users"), 403, "FORBIDDEN")
        failed(client.get(f"{ADMIN}/invites"), 403, "FORBIDDEN")
    second = done(person.client.post(f"{AUTH}/api-key"), 201)["data"]
    body = done(person.client.get(f"{AUTH}/api-keys"))
    assert [one["name"] for one in body["data"]] == ["default", "ci"] and body["pagination"]["total"] == 2
    assert made["apiKey"] not in str(body) and "apiKey" not in body["data"][0]
    stranger = town.person()
    failed(stranger.client.delete(f"{AUTH}/api-keys/{made['id']}"), 404, "NOT_FOUND")
    done(person.client.delete(f"{AUTH}/api-keys/{made['id']}"))
    failed(by_header.get("/api/v1/chatbots"), 401, "UNAUTHORIZED")
    done(town.client(second["apiKey"]).get("/api/v1/chatbots"))
    done(town.root.client.put(f"{ADMIN}/users/{person.id}", json={"active": False}))
    failed(town.client(second["apiKey"]).get("/api/v1/chatbots"), 401, "UNAUTHORIZED")
    with town.rows() as database:
        dump = "".join(database.iterdump())
    assert made["apiKey"] not in dump and second["apiKey"] not in dump


def test_keys_are_twenty_at_most_and_expire(town):
    person = town.person()
    for wrong in ("2020-01-01T00:00:00.000Z", "soon", 5):
        failed(person.client.post(f"{AUTH}/api-key", json={"expiresAt": wrong}), 400, "VALIDATION_ERROR", "expiresAt")
    keys = [done(person.client.post(f"{AUTH}/api-key", json={"expiresAt": "2099-01-01T00:00:00.000Z"}), 201)["data"]
            for _ in range(20)]
    body = failed(person.client.post(f"{AUTH}/api-key", json={}), 409, "CONFLICT")
    assert body["details"][0]["code"] == "limit_reached"
    with town.rows() as database:
        database.execute("UPDATE user_keys SET expires_at = 1 WHERE id = ?", (keys[0]["id"],))
    failed(town.client(keys[0]["apiKey"]).get("/api/v1/chatbots"), 401, "UNAUTHORIZED")
    done(person.client.post(f"{AUTH}/api-key", json={}), 201)  # 19 are alive


# ---- passwords that were forgotten ----------------------------------------------------------------------------------


def test_reset(town):
    """003-platform#6."""
    person = town.person()
    earlier = [person.refresh, person.login().refresh]
    known = town.post(f"{AUTH}/password-reset-request", {"email": person.email})
    unknown = town.post(f"{AUTH}/password-reset-request", {"email": f"{unique('no')}@fern.example"})
    assert done(known) == done(unknown) and sorted(known.headers) == sorted(unknown.headers)
    mail = town.wait_mail(person.email)
    town.jobs_done()
    assert len(town.mails(person.email)) == 1 and not town.mails("no")
    token = token_of(mail)
    assert f"\n{town.server.url}/reset-password?token={token}\n" in mail.get_content().replace("\r", "")
    short = {"token": token, "password": "short"}
    failed(town.post(f"{AUTH}/password-reset", short), 400, "VALIDATION_ERROR", "password")
    done(town.post(f"{AUTH}/password-reset", {"resetToken": token, "newPassword": "moss-and-granite-7"}))
    again = {"token": token, "password": "moss-and-granite-8"}
    failed(town.post(f"{AUTH}/password-reset", again), 401, "INVALID_TOKEN")
    failed(town.post(f"{AUTH}/login", {"email": person.email, "password": PASSWORD}), 401, "INVALID_CREDENTIALS")
    for token_before in earlier:
        failed(town.post(f"{AUTH}/refresh-token", {"refreshToken": token_before}), 401, "INVALID_TOKEN")
    assert not person.alive
    done(town.post(f"{AUTH}/login", {"email": person.email, "password": "moss-and-granite-7"}))
    assert "changed" in town.wait_mail(person.email, 2)["Subject"]
    assert town.audit("password_reset", person.id)
    with town.rows() as database:
        assert token not in "".join(database.iterdump())


def test_reset_tokens_end(town):
    person = town.person()
    key = done(person.client.post(f"{AUTH}/api-key", json={}), 201)["data"]["apiKey"]
    first = town.reset_token(person)
    second = town.reset_token(person)
    failed(town.post(f"{AUTH}/password-reset", {"token": first, "password": "x" * 8}), 401, "INVALID_TOKEN")
    with town.rows() as database:
        database.execute("UPDATE password_resets SET created_at = created_at - 3600 * 1000")
    failed(town.post(f"{AUTH}/password-reset", {"token": second, "password": "x" * 8}), 401, "INVALID_TOKEN")
    third = town.reset_token(person)
    done(town.post(f"{AUTH}/password-reset", {"token": third, "password": "moss-and-granite-7"}))
    done(town.client(key).get("/api/v1/chatbots"))  # keys stay
    for token in ("pr_" + "x" * 43, "x", person.refresh, key):
        failed(town.post(f"{AUTH}/password-reset", {"token": token, "password": "x" * 8}), 401, "INVALID_TOKEN")


def test_five_mails_an_hour(town):
    person = town.person()
    for _ in range(8):
        done(town.post(f"{AUTH}/password-reset-request", {"email": person.email.upper()}))
    town.wait_mail(person.email, 5)
    town.jobs_done()
    assert len(town.mails(person.email)) == 5
    last = [token_of(mail) for mail in town.mails(person.email)]
    with town.rows() as database:
        assert database.execute("SELECT COUNT(*) FROM password_resets WHERE account = ? AND ended_at IS NULL",
                                (person.id,)).fetchone() == (1,)
    results = [town.post(f"{AUTH}/password-reset", {"token": token, "password": "moss-and-granite-7"}).status_code
               for token in last]
    assert sorted(results) == [200, 401, 401, 401, 401]  # the sixth request ended none of them


def test_a_disabled_account_gets_no_mail(town):
    person = town.person()
    token = town.reset_token(person)
    done(town.root.client.put(f"{ADMIN}/users/{person.id}", json={"active": False}))
    failed(town.post(f"{AUTH}/password-reset", {"token": token, "password": "x" * 8}), 401, "INVALID_TOKEN")
    done(town.post(f"{AUTH}/password-reset-request", {"email": person.email}))
    town.jobs_done()
    assert len(town.mails(person.email)) == 1


def test_the_link_does_not_follow_the_host_of_the_request(town):
    """Whoever asks for a mail must not choose where its link leads."""
    person = town.person()
    done(town.client(Host="evil.example", X_Forwarded_Host="evil.example").post(
        f"{AUTH}/password-reset-request", json={"email": person.email}))
    assert "evil" not in town.wait_mail(person.email).get_content()


def test_known_and_unknown_addresses_leave_the_same_rows(town):
    """What the server does for an address does not depend on whether anybody has it."""
    def rows():
        with town.rows() as database:
            return [database.execute(f"SELECT COUNT(*) FROM {table}").fetchone()[0]
                    for table in ("password_resets", "audit")]

    counts = []
    for email in (town.person().email, f"{unique('no')}@fern.example"):
        before = rows()
        done(town.post(f"{AUTH}/password-reset-request", {"email": email}))
        counts.append([after - was for was, after in zip(before, rows())])
    assert counts[0] == counts[1] == [1, 1]


def test_limits_of_resets_are_each_endpoints_own():
    with place(limits__reset=10, limits__register=10) as town:
        root = town.root
        for _ in range(10):
            done(town.post(f"{AUTH}/password-reset-request", {"email": root.email}))
        reply = town.post(f"{AUTH}/password-reset-request", {"email": root.email})
        failed(reply, 429, "RATE_LIMIT_EXCEEDED")
        assert reply.headers["ratelimit-policy"] == '"reset";q=10;w=60'
        failed(town.post(f"{AUTH}/password-reset", {"token": "x", "password": "x" * 8}), 401, "INVALID_TOKEN")
        for _ in range(9):
            town.post(f"{AUTH}/register", {})
        failed(town.post(f"{AUTH}/register", {}), 429, "RATE_LIMIT_EXCEEDED")
