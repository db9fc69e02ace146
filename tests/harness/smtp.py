# SPDX-License-Identifier: Apache-2.0
"""A mail server for tests: STARTTLS or TLS with a private authority, sign-in, and answers as a test says them."""
import email
import email.policy
import socket
import ssl

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult


class SmtpServer:
    """
    smtp = SmtpServer(security="starttls", certificate=(pem, key), user=("name", "password")).start()

    answers  what DATA is answered with, one after the other; then 250
    mails    what was accepted: (sender, recipients, parsed message, raw bytes, over TLS?)
    tries    how many messages came, accepted or not; `hellos` how clients named themselves
    """

    def __init__(self, security="none", certificate=None, user=None):
        self.answers, self.mails, self.tries, self.hellos = [], [], 0, []
        self.rcpt_answers, self.user, self.tls = [], user, security == "tls"
        context = None
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
        options = {"auth_required": True, "authenticator": self._check,
                   "auth_require_tls": security != "none"} if user else {}
        if security == "starttls":
            options |= {"tls_context": context, "require_starttls": True}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port,
                                     ssl_context=context if security == "tls" else None, **options)

    def start(self):
        self.controller.start()
        return self

    def stop(self):
        self.controller.stop()

    def _check(self, server, session, envelope, mechanism, auth):
        given = (auth.login.decode(), auth.password.decode())
        return AuthResult(success=given == self.user, handled=False)

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        self.hellos.append(hostname)
        return responses

    async def handle_RCPT(self, server, session, envelope, address, options):
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        self.tries += 1
        answer = self.answers.pop(0) if self.answers else "250 OK"
        if answer.startswith("250"):
            message = email.message_from_bytes(envelope.content, policy=email.policy.default)
            over_tls = self.tls or session.ssl is not None
            self.mails.append((envelope.mail_from, envelope.rcpt_tos, message, envelope.content, over_tls))
        return answer
