# SPDX-License-Identifier: Apache-2.0
"""Mails by a real SMTP server, as files, and in the log (003 2.3)."""
import contextlib
import email.utils
import re
import stat
import time

import pytest

from api.accounts_help import AUTH, done, place, token_of
from api.helpers import eventually, unique
from harness.certificates import make_certificates
from harness.smtp import SmtpServer


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    return make_certificates(tmp_path_factory.mktemp("tls"))


@contextlib.contextmanager
def smtp_place(certificates, security="starttls", server_security=None, user=None, host="localhost", **settings):
    """A mail server and a Parley that sends through it."""
    smtp = SmtpServer(server_security or security, certificates[1:], user).start()
    named = {"mail__transport": None, "smtp__host": host, "smtp__port": smtp.port, "smtp__security": security,
             "smtp__ca_file": certificates[0], "mail__from": "Fern Café <bot@fern.example>", **settings}
    try:
        with place(**named) as town:
            yield smtp, town, town.root
    finally:
        smtp.stop()


def ask(town, person):
    done(town.post(f"{AUTH}/password-reset-request", {"email": person.email}))


def job(town):
    """State, tries, error and wait in seconds of the only mail that is queued; None when it has gone."""
    with town.rows() as database:
        row = database.execute("SELECT state, attempts, error, run_at FROM jobs WHERE kind = 'mail.send'").fetchone()
    return row and (*row[:3], row[3] / 1000 - time.time())


def failed_once(town, attempts=1):
    return eventually(lambda: (found := job(town)) and found[0] != "running" and found[1] == attempts and found)


def run_now(town):
    with town.rows() as database:
        database.execute("UPDATE jobs SET run_at = 0 WHERE state = 'waiting'")


def test_starttls_with_a_private_authority(certificates):
    with smtp_place(certificates, user=("parley", "s3cret of the mail server"), smtp__user="parley",
                    smtp__password="s3cret of the mail server") as (smtp, town, root):
        ask(town, root)
        sender, to, message, raw, over_tls = eventually(lambda: smtp.mails and smtp.mails[0])
        assert over_tls and (sender, to) == ("bot@fern.example", [root.email])
        assert message["From"].addresses[0].display_name == "Fern Café" and message["To"] == root.email
        assert message["Subject"] == "Choose a new password" and message["Auto-Submitted"] == "auto-generated"
        assert re.fullmatch(r"<[0-9a-f-]{36}@fern\.example>", message["Message-ID"])
        assert abs(email.utils.parsedate_to_datetime(message["Date"]).timestamp() - time.time()) < 60
        assert message.get_content_type() == "text/plain" and message.get_content_charset() == "utf-8"
        assert f"{town.server.url}/reset-password?token={token_of(message)}\r\n".encode() in raw
        assert raw.replace(b"\r\n", b"").find(b"\n") < 0 and smtp.hellos[-1] == "fern.example"
        assert "s3cret" not in town.server.stderr and token_of(message) not in town.server.stderr
        town.jobs_done()
        assert smtp.tries == 1


def test_tls_from_the_start(certificates):
    with smtp_place(certificates, "tls") as (smtp, town, root):
        ask(town, root)
        assert eventually(lambda: smtp.mails)[0][4]


def test_no_transport_security(certificates):
    with smtp_place(certificates, "none", smtp__ca_file=None) as (smtp, town, root):
        ask(town, root)
        assert not eventually(lambda: smtp.mails)[0][4]


@pytest.mark.parametrize("security", ["starttls", "tls"])
@pytest.mark.parametrize("wrong", ["authority", "host"])
def test_a_certificate_that_does_not_hold(certificates, tmp_path, security, wrong):
    """Nothing is said to such a server, and the mail waits."""
    other = make_certificates(tmp_path, "other.example")
    mine = certificates if wrong == "authority" else other
    with smtp_place((other[0] if wrong == "authority" else mine[0], *mine[1:]), security) as (smtp, town, root):
        ask(town, root)
        state, attempts, error, wait = failed_once(town)
        assert (state, attempts) == ("waiting", 1) and "mail server" in error and 30 < wait <= 61
        assert smtp.tries == 0 and smtp.mails == []


def test_a_server_without_starttls(certificates):
    """It is not spoken to in the clear, whoever took the offer away."""
    with smtp_place(certificates, "starttls", server_security="none") as (smtp, town, root):
        ask(town, root)
        assert failed_once(town)[0] == "waiting" and smtp.tries == 0


def test_4xx_is_tried_again(certificates):
    """After 1, 5, 30 minutes, 2 and 8 hours; then it is put aside with its error."""
    with smtp_place(certificates, "none") as (smtp, town, root):
        smtp.answers = ["451 try later"] * 6
        ask(town, root)
        for attempt, wait in enumerate((60, 300, 1800, 7200, 28800), 1):
            state, _, error, left = failed_once(town, attempt)
            assert state == "waiting" and "451" in error and wait - 30 < left <= wait + 1
            run_now(town)
        assert failed_once(town, 6)[0] == "failed" and smtp.tries == 6 and smtp.mails == []


def test_a_mail_that_came_through_at_last(certificates):
    with smtp_place(certificates, "none") as (smtp, town, root):
        smtp.answers = ["421 busy"]
        ask(town, root)
        failed_once(town)
        run_now(town)
        _, _, message, _, _ = eventually(lambda: smtp.mails and smtp.mails[0])
        town.jobs_done()
        assert len(smtp.mails) == 1 and smtp.tries == 2
        done(town.post(f"{AUTH}/password-reset", {"token": token_of(message), "password": "moss-and-granite-7"}))


@pytest.mark.parametrize("where", ["recipient", "data"])
def test_5xx_is_final(certificates, where):
    with smtp_place(certificates, "none") as (smtp, town, root):
        smtp.answers, smtp.rcpt_answers = (["554 no"], []) if where == "data" else ([], ["550 no such user"])
        ask(town, root)
        state, attempts, error, _ = failed_once(town)
        assert (state, attempts) == ("failed", 1) and "55" in error
        assert root.email not in town.server.stderr and "token" not in town.server.stderr.lower()


def test_nobody_listens(certificates):
    with smtp_place(certificates, "none", smtp__port=1) as (smtp, town, root):
        ask(town, root)
        assert failed_once(town)[0] == "waiting" and root.alive


def test_a_mail_survives_a_crash(certificates):
    """Queued in the transaction of the request: what was answered is sent by the next life."""
    with smtp_place(certificates, "none") as (smtp, town, root):
        smtp.answers = ["451 not now"]
        ask(town, root)
        failed_once(town)
        town.server.kill()
        town.server.restart()
        run_now(town)
        assert eventually(lambda: smtp.mails)[0][1] == [root.email]


def test_a_head_takes_no_line_from_a_name(certificates):
    """Names that somebody chose are in the head as encoded words."""
    with smtp_place(certificates, "none") as (smtp, town, root):
        admin = town.person(brandName="Ünïcode " * 12)
        guest = f"{unique('guest')}@fern.example"
        done(admin.client.post("/api/v1/admin/invites", json={"role": "user", "email": guest}), 201)
        _, to, message, raw, _ = eventually(lambda: smtp.mails and smtp.mails[0])
        assert to == [guest] and message["Subject"] == "Invitation to " + ("Ünïcode " * 12).strip()
        head = raw.partition(b"\r\n\r\n")[0]
        assert head.isascii() and max(map(len, head.split(b"\r\n"))) <= 78
        assert "Ünïcode" in message.get_content()


def test_files(certificates):
    """003-platform#6: one a message, mode 0600, whole when it is visible."""
    with place(mail__transport=None) as town:  # the default where no server is named
        root = town.root
        ask(town, root)
        mail = town.wait_mail(root.email)
        assert mail["From"] == "parley@localhost" and token_of(mail)
        (path,) = town.mail_folder.iterdir()
        assert re.fullmatch(r"20\d\d-\d\d-\d\dT\d\d-\d\d-\d\d\.\d{3}Z-[0-9a-f-]{36}\.eml", path.name)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(town.mail_folder.stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_made():
    with place() as town:
        root = town.root
        town.mail_folder.write_text("in the way", encoding="ascii")
        ask(town, root)
        assert "mail" in failed_once(town)[2]
        town.mail_folder.unlink()
        run_now(town)
        assert token_of(town.wait_mail(root.email))


def test_log():
    with place(mail__transport="log") as town:
        root = town.root
        ask(town, root)
        eventually(lambda: "/reset-password?token=pr_" in town.server.stderr)
        town.jobs_done()
        assert not town.mail_folder.exists()


@pytest.mark.parametrize("settings", [{"mail.from": "nobody"}, {"mail.from": "a@b.example, c@d.example"},
                                      {"mail.transport": "smtp"}, {"smtp.security": "ssl"}])
def test_settings_that_do_not_fit(settings, parley, tmp_path):
    """Exit 2, one line with the setting's name."""
    flags = [f"--{name}={value}" for name, value in settings.items()]
    over = parley("serve", "--listen", "127.0.0.1:0", "--data", str(tmp_path / "data"), *flags, timeout=20)
    assert over.returncode == 2 and next(iter(settings)) in over.stderr and not (tmp_path / "data").exists()
