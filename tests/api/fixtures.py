# SPDX-License-Identifier: Apache-2.0
"""Servers that the tests of a worker share: `site` without a model, `model` with a test double behind it."""
import contextlib

import pytest

from api.helpers import Site
from harness import FakeLlm, Server, find_binary


def need(name, variable):
    if not find_binary(name, variable).exists():
        pytest.skip(f"{name} is not built")


@contextlib.contextmanager
def running(settings=None, **options):
    """A Site on a server of its own, stopped with every check at the end."""
    need("parley", "PARLEY_BIN")
    server = Server(settings, **options).start()
    try:
        yield Site(server)
    finally:
        server.dispose()


@pytest.fixture(scope="session")
def site(shared):
    """No model, sample data, no limits. Tests write only into brands of their own (`site.brand()`)."""
    return Site(shared)


@pytest.fixture(scope="session")
def model_site():
    need("parley-fake-llm", "PARLEY_FAKE_LLM")
    fake = FakeLlm().start()
    try:
        with running(llm={"a": {"baseUrl": fake.url, "retries": 0}}) as site:
            site.llm = fake
            yield site
    finally:
        fake.stop()


@pytest.fixture
def model(model_site):
    """A Site whose model is the test double `model.llm`, which echoes and has an empty log when a test begins."""
    model_site.llm.set(answer="echo")
    model_site.llm.clear()
    return model_site
