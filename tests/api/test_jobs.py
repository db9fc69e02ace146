# SPDX-License-Identifier: Apache-2.0
"""Background jobs: what hangs delays only its own lane, and lanes without work cost nothing."""
import contextlib
import pathlib
import select
import socket

from api.fixtures import running
from api.helpers import eventually
from api.test_documents import Desk
from harness.server import ADMIN_EMAIL


def threads(server):
    names = (path.read_text().strip() for path in pathlib.Path(f"/proc/{server.pid}/task").glob("*/comm"))
    return sorted(name for name in names if name.startswith("jobs"))


@contextlib.contextmanager
def silent_mail_server():
    """It accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(30)
        yield listener


def test_a_hanging_mail_delays_no_document():
    with silent_mail_server() as listener:
        settings = {"mail.transport": "smtp", "smtp.host": "127.0.0.1", "smtp.security": "none",
                    "smtp.port": listener.getsockname()[1]}
        with running(settings) as site:
            assert threads(site.server) == ["jobs"]
            desk = Desk(site)
            reply = site.anon.post("/api/v1/auth/password-reset-request", json={"email": ADMIN_EMAIL})
            assert reply.status_code == 200, reply.text
            mail, _ = listener.accept()
            with mail:
                assert desk.settled(desk.upload())["processingStatus"] == "completed"
                readable, _, _ = select.select([mail], [], [], 0)
                assert not readable  # it still waits for the first word
                assert {"jobs-mail", "jobs-documents"} <= set(threads(site.server))


LINES = "".join(f"Line {i} of a long text about tents.\n\n" for i in range(20000))


def read_all(site, count, most):
    """Uploads long documents; their lane has `most` threads at the highest, and at the end."""
    desk = Desk(site)
    documents = [desk.upload(f"{n}.md", f"# {n}\n\n{LINES}") for n in range(count)]
    eventually(lambda: threads(site.server).count("jobs-documents") == most)
    assert all(desk.settled(document)["processingStatus"] == "completed" for document in documents)
    assert threads(site.server).count("jobs-documents") == most


def test_documents_are_read_side_by_side(site):
    """A lane begins its second thread when the first is busy, and no third."""
    read_all(site, 4, 2)


def test_jobs_workers_says_how_many():
    with running({"jobs.workers": 1}) as site:
        read_all(site, 3, 1)
    with running({"jobs.workers": 3}) as site:
        read_all(site, 6, 3)
