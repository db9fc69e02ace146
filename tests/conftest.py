# SPDX-License-Identifier: Apache-2.0
"""Fixtures of the black-box tests. What they give is described in tests/harness.

Binaries: build/parley and parley-fake-llm, or PARLEY_BIN and PARLEY_FAKE_LLM. A test that needs one that is not built
is skipped with that reason; tools/test counts a binary that should be there and is not as a failure of its own.
"""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

from harness import FakeLlm, Server, find_binary, run  # noqa: E402


def _need(name, variable):
    path = find_binary(name, variable)
    if not path.exists():
        pytest.skip(f"{name} is not built")
    return path


@pytest.fixture
def server():
    """A factory: `server(settings={…}, llm=fake, data=dir, env={…})` starts a server and gives a harness.Server.

    At the end of the test each one gets SIGTERM and must exit 0 without a sanitizer's report, unless the test stopped
    or killed it before (then only the report counts). One that ended by itself fails the test with its last words.
    """
    _need("parley", "PARLEY_BIN")
    started = []

    def start(settings=None, llm=None, **options):
        one = Server(settings, llm, **options)
        started.append(one)
        return one.start()

    yield start
    faults = []
    for one in reversed(started):
        try:
            one.dispose(None if one.ended else 0)
        except AssertionError as fault:
            faults.append(str(fault))
    assert not faults, "\n".join(faults)


@pytest.fixture
def fake_llm():
    """A factory: `fake_llm("--tls")` starts a test double of a model server and gives a harness.FakeLlm."""
    _need("parley-fake-llm", "PARLEY_FAKE_LLM")
    started = []

    def start(*arguments):
        one = FakeLlm(*arguments)
        started.append(one)
        return one.start()

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def llm(fake_llm):
    """One test double, already started."""
    return fake_llm()


@pytest.fixture(scope="session")
def shared():
    """One server for all tests of a worker that do not change what others see: no model, sample data, no limits.

    Make a brand of your own (`brand`) to write into; do not touch techpro or the installation's settings on it.
    """
    _need("parley", "PARLEY_BIN")
    one = Server().start()
    yield one
    one.dispose()


@pytest.fixture
def api(shared):
    """An httpx client of `shared` without credentials."""
    with shared.client() as client:
        yield client


@pytest.fixture
def admin(shared):
    """An httpx client of `shared`, signed in as the super_admin."""
    with shared.client(shared.token) as client:
        yield client


@pytest.fixture
def brand(shared):
    """A factory of brands on `shared`: `brand(name, products=[…], config={…})` gives the new brand's id."""
    return shared.brand


@pytest.fixture
def parley():
    """Runs a subcommand to its end: `parley("version")` gives a CompletedProcess with text output."""
    binary = _need("parley", "PARLEY_BIN")

    def call(*arguments, **options):
        return run([binary, *arguments], **options)

    return call
