# SPDX-License-Identifier: Apache-2.0
"""Administration of users, invitations, who may do what (003 1.3, 2.4)."""
import pytest

from api.accounts_help import ADMIN, AUTH, PASSWORD, done, failed, place
from api.helpers import unique

NOWHERE = "0198c0de-5a10-7b21-8c3d-2f6a9e01b7d4"


@pytest.fixture(scope="module")
def town():
    with place() as town:
        assert town.root.user["role"] == "super_admin"
        yield town


def url(person):
    return f"{ADMIN}/users/{person.id}"


def names(reply):
    return [one["username"] for one in done(reply)["data"]]


# ---- seeing ---------------------------------------------------------------------------------------------------------


def test_an_admin_sees_the_members_alone(town):
    """003-platform#1: another brand's users are not found."""
    admin, other = town.person(), town.person()
    member = town.member(admin, "developer")
    assert set(names(admin.client.get(f"{ADMIN}/users"))) == {admin.name, member.name}
    assert done(admin.client.get(url(member)))["data"]["role"] == "developer"
    for path in (url(other), url(town.root), f"{ADMIN}/users/{NOWHERE}", f"{ADMIN}/users/x", f"{ADMIN}/users/%00"):
        failed(admin.client.get(path), 404, "NOT_FOUND")
        failed(admin.client.put(path, json={"role": "user"}), 404, "NOT_FOUND")
        failed(admin.client.delete(path), 404, "NOT_FOUND")
    failed(member.client.get(f"{ADMIN}/users"), 403, "FORBIDDEN")
    failed(town.anon.get(f"{ADMIN}/users"), 401, "UNAUTHORIZED")
    failed(town.client(admin.token, X_Brand_Id=other.brand).get(f"{ADMIN}/users"), 404, "NOT_FOUND")


def test_nothing_of_a_members_other_brands_shows(town):
    admin, member = town.person(), town.person()
    done(town.root.client.put(f"{url(member)}?brandId={admin.brand}", json={"role": "user"}))
    seen = done(admin.client.get(url(member)))["data"]
    assert seen["brands"] == [{"id": admin.brand, "name": admin.name, "role": "user"}]
    assert seen["brandId"] == admin.brand
    assert member.brand not in admin.client.get(f"{ADMIN}/users").text
    assert len(done(town.root.client.get(url(member)))["data"]["brands"]) == 2


def test_a_super_admin_sees_all_or_one_brand(town):
    admin = town.person()
    member = town.member(admin)
    everybody = done(town.root.client.get(f"{ADMIN}/users?limit=100"))
    assert {admin.name, member.name, "root"} <= {one["username"] for one in everybody["data"]}
    of_brand = town.root.client.get(f"{ADMIN}/users?brandId={admin.brand}")
    assert set(names(of_brand)) == {admin.name, member.name}
    assert {one["role"] for one in done(of_brand)["data"]} == {"admin", "user"}
    failed(town.root.client.get(f"{ADMIN}/users?brandId=no-such-brand"), 404, "NOT_FOUND")


def test_lists(town):
    """Sort, order, filters, pages."""
    admin = town.person()
    mark = unique("zq")
    people = [town.person(admin.client, username=f"{mark}.{name}", role=role)
              for name, role in (("b", "user"), ("A", "developer"), ("c", "user"))]
    get = lambda query: names(admin.client.get(f"{ADMIN}/users?{query}"))
    assert get("sort=username&order=asc&q=" + mark) == [f"{mark}.{name}" for name in "Abc"]
    assert get("sort=email&order=desc&q=" + mark.upper()) == [f"{mark}.{name}" for name in "cbA"]
    assert get("q=" + mark) == [f"{mark}.{name}" for name in "cAb"]  # newest first
    assert get(f"role=developer&q={mark}") == [f"{mark}.A"]
    assert get("role=admin") == [admin.name] and get("role=super_admin") == []
    assert get("q=%25") == [] and get("q=_") == [] and get("q=%5C") == []
    assert get("sort=lastLogin&order=desc")[0] == admin.name
    page = done(admin.client.get(f"{ADMIN}/users?limit=3&page=2&sort=createdAt&order=asc"))
    assert page["pagination"] == {"total": 4, "pages": 2, "page": 2, "limit": 3} and page["count"] == 1
    assert done(admin.client.get(f"{ADMIN}/users?page=9"))["data"] == []
    assert done(admin.client.get(f"{ADMIN}/users"))["pagination"]["limit"] == 10
    done(admin.client.put(url(people[0]), json={"active": False}))
    assert get("active=false") == [people[0].name] and people[0].name not in get("active=true")
    for bad in ("sort=password", "order=up", "role=king", "active=maybe", "limit=101", "page=0"):
        failed(admin.client.get(f"{ADMIN}/users?{bad}"), 400, "VALIDATION_ERROR", bad.partition("=")[0])


# ---- an admin changes memberships -----------------------------------------------------------------------------------


def test_a_changed_role_acts_at_once(town):
    admin = town.person()
    member = town.member(admin)
    failed(member.client.get(f"{ADMIN}/users"), 403, "FORBIDDEN")
    assert done(admin.client.put(url(member), json={"role": "admin"}))["data"]["role"] == "admin"
    done(member.client.get(f"{ADMIN}/users"))
    done(member.client.put(url(admin), json={"role": "user"}))
    failed(admin.client.get(f"{ADMIN}/users"), 403, "FORBIDDEN")
    (row,) = town.audit("member_updated", admin.id)
    assert row[0] == admin.brand and row[1] == member.id
    assert (row[5], row[6]) == ('{"role":"admin","active":true}', '{"role":"user","active":true}')


def test_a_membership_that_rests(town):
    admin = town.person()
    member = town.person()
    done(town.root.client.put(f"{url(member)}?brandId={admin.brand}", json={"role": "developer"}))
    there = town.client(member.token, X_Brand_Id=admin.brand)
    done(there.get("/api/v1/chatbots"))
    assert done(admin.client.put(url(member), json={"active": False}))["data"]["active"] is False
    failed(there.get("/api/v1/chatbots"), 404, "NOT_FOUND")
    assert member.alive and done(member.client.get(f"{AUTH}/me"))["data"]["brands"][0]["id"] == member.brand
    assert len(done(member.client.get(f"{AUTH}/me"))["data"]["brands"]) == 1  # the account itself is as it was
    assert done(admin.client.put(url(member), json={"active": True}))["data"]["role"] == "developer"
    done(there.get("/api/v1/chatbots"))


@pytest.mark.parametrize("change", [{"email": "x@fern.example"}, {"username": "taken-over"}, {"firstName": "x"},
                                    {"password": "moss-and-granite"}, {"role": "super_admin"}])
def test_an_admin_changes_nothing_of_the_account(town, change):
    admin = town.person()
    member = town.member(admin)
    before = done(admin.client.get(url(member)))["data"]
    failed(admin.client.put(url(member), json={"role": "developer", **change}), 403, "FORBIDDEN")
    assert done(admin.client.get(url(member)))["data"] == before
    member.login()


def test_read_and_write_back_is_no_change(town):
    admin = town.person()
    member = town.member(admin)
    for client in (admin.client, town.root.client):
        before = done(client.get(url(member)))["data"]
        assert done(client.put(url(member), json=before))["data"] == before
    assert not town.audit("member_updated", member.id) and not town.audit("user_updated", member.id)


def test_faults(town):
    admin = town.person()
    member = town.member(admin)
    for body, field in (({"role": "king"}, "role"), ({"active": "yes"}, "active"), ({"foo": 1}, "foo"),
                        ({"role": None}, "role"), ({"password": "short"}, "password")):
        failed(admin.client.put(url(member), json=body), 400, "VALIDATION_ERROR", field)
    failed(member.client.put(url(member), json={"role": "admin"}), 403, "FORBIDDEN")


# ---- a super_admin changes accounts ---------------------------------------------------------------------------------


def test_a_super_admin_changes_everything(town):
    person, root = town.person(), town.root
    new = unique("new")
    done(root.client.put(url(person), json={"username": new, "email": f"{new}@fern.example", "firstName": "Ada",
                                            "password": "moss-and-granite-7"}))
    assert not person.alive
    body = done(town.post(f"{AUTH}/login", {"username": new, "password": "moss-and-granite-7"}))
    assert body["data"]["firstName"] == "Ada"
    town.wait_mail(person.email, 2)
    assert len(town.mails(person.email)) == 2  # both notices go to the old address
    failed(root.client.put(url(person), json={"email": root.email}), 409, "CONFLICT")
    failed(root.client.put(f"{ADMIN}/users/{NOWHERE}", json={"active": True}), 404, "NOT_FOUND")


def test_the_global_role(town):
    person, root = town.person(), town.root
    assert done(root.client.put(url(person), json={"role": "super_admin"}))["data"]["role"] == "super_admin"
    done(person.client.get(f"{ADMIN}/users/{root.id}"))
    done(root.client.put(url(person), json={"role": "user"}))  # in the caller's current brand, and no longer global
    brands = done(person.client.get(f"{AUTH}/me"))["data"]["brands"]
    assert {brand["id"]: brand["role"] for brand in brands} == {person.brand: "admin", root.brand: "user"}
    failed(person.client.get(f"{ADMIN}/users/{root.id}"), 404, "NOT_FOUND")
    done(root.client.delete(url(person)))


def test_a_disabled_account(town):
    """003-platform#7: all credentials end at once."""
    person = town.person()
    key = done(person.client.post(f"{AUTH}/api-key", json={}), 201)["data"]["apiKey"]
    assert done(town.root.client.put(url(person), json={"active": False}))["data"]["active"] is False
    assert not person.alive and town.client(key).get("/api/v1/chatbots").status_code == 401
    failed(town.post(f"{AUTH}/refresh-token", {"refreshToken": person.refresh}), 401, "INVALID_TOKEN")
    body = failed(town.post(f"{AUTH}/login", {"email": person.email, "password": PASSWORD}), 401, "UNAUTHORIZED")
    assert body["message"] == "This account is disabled"
    done(town.root.client.put(url(person), json={"active": True}))
    assert not person.alive  # the old sign-ins stay ended
    person.login()
    done(town.client(key).get("/api/v1/chatbots"))


# ---- the last ones --------------------------------------------------------------------------------------------------


def test_the_last_super_admin():
    with place() as town:
        root, other = town.root, town.person()
        for body in ({"active": False}, {"role": "user"}):
            failed(root.client.put(url(root), json=body), 409, "CONFLICT")
        failed(root.client.delete(url(root)), 409, "CONFLICT")
        done(root.client.put(url(other), json={"role": "super_admin"}))
        failed(root.client.delete(url(root)), 409, "CONFLICT")  # nobody deletes themselves
        done(other.client.delete(url(root)))
        failed(other.client.put(url(other), json={"active": False}), 409, "CONFLICT")
        assert other.alive and not root.alive


def test_the_last_admin_of_a_brand(town):
    admin, root = town.person(), town.root
    for body in ({"role": "user"}, {"active": False}):
        failed(admin.client.put(url(admin), json=body), 409, "CONFLICT")
    failed(admin.client.delete(url(admin)), 409, "CONFLICT")
    member = town.member(admin)
    failed(root.client.put(url(admin), json={"active": False}), 409, "CONFLICT")
    failed(root.client.delete(url(admin)), 409, "CONFLICT")
    failed(root.client.put(f"{url(admin)}?brandId={admin.brand}", json={"role": "developer"}), 409, "CONFLICT")
    done(admin.client.put(url(member), json={"role": "admin"}))
    done(member.client.put(url(admin), json={"active": False}))
    failed(member.client.delete(url(member)), 409, "CONFLICT")
    failed(member.client.put(url(member), json={"role": "user"}), 409, "CONFLICT")  # an admin who rests is none
    done(root.client.delete(url(admin)))


# ---- ending ---------------------------------------------------------------------------------------------------------


def test_ending_a_membership_hands_over_its_chatbots(town):
    admin = town.person()
    member = town.person()
    done(town.root.client.put(f"{url(member)}?brandId={admin.brand}", json={"role": "user"}))
    with town.rows() as database:  # handed over to the member
        database.execute("UPDATE chatbots SET created_by = ? WHERE brand_id = ?", (member.id, admin.brand))
    there = town.client(member.token, X_Brand_Id=admin.brand)
    assert len(done(there.get("/api/v1/chatbots"))["data"]) == 1
    done(admin.client.delete(url(member)))
    failed(there.get("/api/v1/chatbots"), 404, "NOT_FOUND")
    failed(admin.client.get(url(member)), 404, "NOT_FOUND")
    assert member.alive and len(done(member.client.get("/api/v1/chatbots"))["data"]) == 1  # the own brand's
    with town.rows() as database:
        assert database.execute("SELECT created_by FROM chatbots WHERE brand_id = ?", (admin.brand,)).fetchall() == [
            (admin.id,)]


def test_deleting_an_account(town):
    """Sign-ins and keys end, personal fields are erased, chatbots pass on, audit rows keep the id."""
    admin = town.person()
    member = town.person(firstName="Quintessa")
    done(town.root.client.put(f"{url(member)}?brandId={admin.brand}", json={"role": "developer"}))
    key = done(member.client.post(f"{AUTH}/api-key", json={}), 201)["data"]["apiKey"]
    with town.rows() as database:
        database.execute("UPDATE chatbots SET created_by = ? WHERE brand_id = ?", (member.id, admin.brand))
    reset = town.reset_token(member)
    failed(admin.client.delete(url(town.root)), 404, "NOT_FOUND")
    done(town.root.client.delete(url(member)))
    assert not member.alive and town.client(key).get("/api/v1/chatbots").status_code == 401
    failed(town.post(f"{AUTH}/password-reset", {"token": reset, "password": "x" * 8}), 401, "INVALID_TOKEN")
    failed(town.post(f"{AUTH}/refresh-token", {"refreshToken": member.refresh}), 401, "INVALID_TOKEN")
    failed(town.post(f"{AUTH}/login", {"email": member.email, "password": PASSWORD}), 401, "INVALID_CREDENTIALS")
    failed(town.root.client.get(url(member)), 404, "NOT_FOUND")
    with town.rows() as database:
        owner = database.execute("SELECT created_by FROM chatbots WHERE brand_id = ?", (admin.brand,)).fetchone()
        assert owner == (admin.id,)
        for table in ("users", "audit", "sign_ins", "user_keys", "memberships", "password_resets", "jobs"):
            text = str(database.execute(f"SELECT * FROM {table}").fetchall())
            assert "Quintessa" not in text and member.email not in text, table
            assert (member.id in text) == (table == "audit"), table
        assert database.execute("SELECT COUNT(*) FROM brands WHERE id = ?", (member.brand,)).fetchone() == (1,)
    # A super_admin can give the brand to somebody, and the names are free again.
    done(town.root.client.put(f"{url(admin)}?brandId={member.brand}", json={"role": "admin"}))
    done(town.client(admin.token, X_Brand_Id=member.brand).get(f"{ADMIN}/users"))
    town.person(username=member.name)


# ---- invitations ----------------------------------------------------------------------------------------------------


def test_invitations(town):
    admin = town.person(brandName="Fern & Moss ร้าน")
    address = f"{unique('guest')}@fern.example"
    body = {"role": "developer", "email": address, "expiresInHours": 1}
    made = done(admin.client.post(f"{ADMIN}/invites", json=body), 201)["data"]
    assert made["token"].startswith("iv_") and len(made["token"]) == 46
    assert made["url"] == f"{town.server.url}/register?inviteToken={made['token']}"
    mail = town.wait_mail(address)
    assert mail["Subject"] == "Invitation to Fern & Moss ร้าน" and made["url"] in mail.get_content()
    listed = done(admin.client.get(f"{ADMIN}/invites"))
    assert [one["id"] for one in listed["data"]] == [made["id"]] and made["token"] not in str(listed)
    assert set(made) - set(listed["data"][0]) == {"token", "url"} and listed["data"][0]["email"] == address
    guest = town.person(inviteToken=made["token"])
    assert (guest.user["role"], guest.brand) == ("developer", admin.brand) and len(guest.user["brands"]) == 1
    assert done(admin.client.get(f"{ADMIN}/invites"))["data"] == []
    failed(town.post(f"{AUTH}/register", town.body(inviteToken=made["token"])), 403, "FORBIDDEN")
    with town.rows() as database:
        assert made["token"] not in "".join(database.iterdump())


def test_invitations_that_do_not_hold(town):
    admin, other = town.person(), town.person()
    member = town.member(admin)
    gone, late = [done(admin.client.post(f"{ADMIN}/invites", json={"role": "user"}), 201)["data"] for _ in range(2)]
    failed(other.client.delete(f"{ADMIN}/invites/{gone['id']}"), 404, "NOT_FOUND")
    failed(member.client.delete(f"{ADMIN}/invites/{gone['id']}"), 403, "FORBIDDEN")
    failed(member.client.post(f"{ADMIN}/invites", json={"role": "user"}), 403, "FORBIDDEN")
    done(admin.client.delete(f"{ADMIN}/invites/{gone['id']}"))
    with town.rows() as database:
        database.execute("UPDATE invites SET expires_at = 1 WHERE id = ?", (late["id"],))
    for token in (gone["token"], late["token"], "iv_", "x"):
        failed(town.post(f"{AUTH}/register", town.body(inviteToken=token)), 403, "FORBIDDEN")
    late_by_an_hour = {"role": "user", "expiresInHours": 721}
    for body, field in (({}, "role"), ({"role": "super_admin"}, "role"), (late_by_an_hour, "expiresInHours"),
                        ({"role": "user", "email": "x"}, "email"), ({"role": "user", "token": "x"}, "token")):
        failed(admin.client.post(f"{ADMIN}/invites", json=body), 400, "VALIDATION_ERROR", field)


def test_a_brand_sends_no_more_than_fifty_invitations_a_day(town):
    admin = town.person()
    for n in range(50):
        done(admin.client.post(f"{ADMIN}/invites", json={"role": "user", "email": f"guest{n}@fern.example"}), 201)
    failed(admin.client.post(f"{ADMIN}/invites", json={"role": "user", "email": "more@fern.example"}), 429,
           "RATE_LIMIT_EXCEEDED")
    done(admin.client.post(f"{ADMIN}/invites", json={"role": "user"}), 201)  # without a mail


def test_invited_members_see_what_a_user_may(town):
    """003-platform#1: what others made is not found, what is public is seen and not changed."""
    admin = town.person()
    member = town.member(admin)
    bot = done(admin.client.get("/api/v1/chatbots"))["data"][0]["id"]
    failed(member.client.get(f"/api/v1/chatbots/{bot}"), 404, "NOT_FOUND")
    done(admin.client.put(f"/api/v1/chatbots/{bot}", json={"isPublic": True}))
    done(member.client.get(f"/api/v1/chatbots/{bot}"))
    failed(member.client.put(f"/api/v1/chatbots/{bot}", json={"name": "Mine"}), 403, "FORBIDDEN")
    failed(member.client.post("/api/v1/chatbots", json={"name": "New"}), 403, "FORBIDDEN")
