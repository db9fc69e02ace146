# SPDX-License-Identifier: Apache-2.0
"""Servers that the tests of a worker share: `site` without a model, `model` with a test double behind it."""
import contextlib

import pytest

from api.conformance import Conformance
from api.helpers import Site
from harness import FakeLlm, Server, find_binary


def need(name, variable):
    if not find_binary(name, variable).exists():
        pytest.skip(f"{name} is not built")


@contextlib.contextmanager
def running(settings=None, conformance=None, **options):
    """A Site on a server of its own, stopped with every check at the end."""
    need("parley", "PARLEY_BIN")
    server = Server(settings, **options).start()
    try:
        yield Site(server, conformance)
    finally:
        server.dispose()


@pytest.fixture(scope="session")
def conformance(shared):
    """Collects what replies do not agree with the OpenAPI document; the worker's last test shows the faults."""
    with shared.client() as client:
        reply = client.get("/openapi.json")
    if reply.status_code != 200:
        yield None  # a test of its own says so
        return
    found = Conformance(reply.json())
    yield found
    assert not found.faults, f"replies that the OpenAPI document does not describe:\n{found.report()}"


@pytest.fixture(scope="session")
def site(shared, conformance):
    """No model, sample data, no limits. Tests write only into brands of their own (`site.brand()`)."""
    return Site(shared, conformance)


@pytest.fixture(scope="session")
def model_site(conformance):
    need("parley-fake-llm", "PARLEY_FAKE_LLM")
    fake = FakeLlm().start()
    try:
        with running(llm={"a": {"baseUrl": fake.url, "retries": 0}}, conformance=conformance) as site:
            site.llm = fake
            yield site
    finally:
        fake.stop()


@pytest.fixture
def model(model_site):
    """A Site whose model is the test double `model.llm`, which echoes and has an empty log when a test begins."""
    fake = model_site.llm
    assert fake.running, f"the test double has ended: {fake.process.returncode} {fake.stderr[-2000:]}"
    fake.set(answer="echo")
    fake.clear()
    return model_site
