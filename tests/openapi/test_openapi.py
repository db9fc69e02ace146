# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document: valid, whole, what the binary prints, and true (001 14.11). That replies agree with it is also
checked for every reply of the suite (api/conformance.py)."""
import json
import pathlib
import re
import sys

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012
from schemathesis.specs.openapi.definitions import OPENAPI_31_VALIDATOR

from api.fixtures import need, running
from api.helpers import alive, ok
from harness import find_binary, run

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}


@pytest.fixture(scope="module")
def document(site):
    return ok(site.anon.get("/openapi.json"))


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in METHODS:
                yield path, method, operation


def references(value):
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def test_valid_against_the_schema_of_openapi(document):
    """001-brands 14.11: valid against the OpenAPI 3.1 schema."""
    assert document["openapi"].startswith("3.1.")
    errors = [f"{error.instance_path}: {error.message[:200]}" for error in OPENAPI_31_VALIDATOR.iter_errors(document)]
    assert errors == []


def test_every_schema_is_a_schema(document):
    def schemas(value, inside=""):
        if isinstance(value, dict):
            for key, inner in value.items():
                if key == "schema":
                    yield inside, inner
                yield from schemas(inner, f"{inside}/{key}")
        elif isinstance(value, list):
            for n, inner in enumerate(value):
                yield from schemas(inner, f"{inside}/{n}")

    found = list(schemas(document["paths"])) + list(document.get("components", {}).get("schemas", {}).items())
    assert found
    for where, schema in found:
        try:
            Draft202012Validator.check_schema(schema)
        except Exception as fault:
            raise AssertionError(where) from fault


def test_references_resolve(document):
    for reference in set(references(document)):
        assert reference.startswith("#/"), reference
        target = document
        for part in reference[2:].split("/"):
            target = target[part.replace("~1", "/").replace("~0", "~")]


def test_operations_are_described(document):
    """Summary, unique operationId, declared path parameters, a success and its schema."""
    ids = []
    for path, method, operation in operations(document):
        where = f"{method.upper()} {path}"
        assert operation.get("summary"), where
        ids.append(operation["operationId"])
        declared = {parameter["name"] for parameter in operation.get("parameters",
                                                                     []) + document["paths"][path].get("parameters",
                                                                             []) if parameter.get("in") == "path"}
        assert declared == set(re.findall(r"\{([^}]*)\}", path)), where
        assert any(status.startswith("2") or status == "101" for status in operation["responses"]), where
        for status, response in operation["responses"].items():
            assert "$ref" in response or response.get("description"), (where, status)
    assert len(ids) == len(set(ids))


def test_security_is_declared(document):
    """Admin endpoints name their credentials, open ones do not require any."""
    schemes = document["components"]["securitySchemes"]
    kinds = {(scheme["type"], scheme.get("scheme", scheme.get("name", "")).lower()) for scheme in schemes.values()}
    assert ("http", "bearer") in kinds and ("apiKey", "x-api-key") in kinds
    everywhere = document.get("security", [])
    required = {(method, re.sub(r"\{[^}]*\}", "{}", path)): operation.get("security", everywhere) for path, method,
                operation in operations(document)}
    for method, path in (("get", "/brands"), ("post", "/brands"), ("put", "/brands/{}/config"),
                         ("post", "/brands/{}/products"), ("get", "/stats")):
        assert required[method, path] and {} not in required[method, path], (method, path)
    for method, path in (("get", "/"), ("post", "/chat/{}"), ("get", "/products"),
                         ("post", "/brands/{}/products/search")):
        assert not required[method, path] or {} in required[method, path], (method, path)


def test_examples_agree_with_their_schemas(document):
    """What `/docs` shows as an example is one."""
    registry = Registry().with_resource("urn:document", Resource(contents=document, specification=DRAFT202012))
    count = 0

    def check(value, where):
        nonlocal count
        if isinstance(value, dict):
            if "schema" in value and ("example" in value or "examples" in value):
                schema = json.loads(json.dumps(value["schema"]).replace('"$ref": "#/', '"$ref": "urn:document#/'))
                examples = [value["example"]] if "example" in value else [entry.get("value")
                                                                          for entry in value["examples"].values()]
                for example in examples:
                    errors = [error.message for error in Draft202012Validator(schema,
                            registry=registry).iter_errors(example)]
                    assert errors == [], (where, errors[:3])
                    count += 1
            for key, inner in value.items():
                check(inner, f"{where}/{key}")
        elif isinstance(value, list):
            for n, inner in enumerate(value):
                check(inner, f"{where}/{n}")

    check(document["paths"], "")
    assert count


def test_the_binary_prints_the_same(document):
    """`parley openapi` and the served document are one (but for the server's address)."""
    need("parley", "PARLEY_BIN")
    done = run([find_binary("parley", "PARLEY_BIN"), "openapi"])
    printed = json.loads(done.stdout)
    assert done.returncode == 0
    assert {**printed, "servers": None} == {**document, "servers": None}


def test_every_documented_operation_exists(site, document):
    """No path of the document is a 404 of the router or a 405."""
    for path, method, _ in operations(document):
        address = re.sub(r"\{[^}]*\}", "x-unknown", path)
        reply = site.anon.request(method.upper(), address, json={} if method in ("post", "put") else None)
        assert reply.status_code != 405, (method, path)
        assert reply.status_code != 404 or reply.json() != {"detail": "Not Found"}, (method, path)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("who, phases", [("admin", "examples,coverage,fuzzing"), ("anonymous", "examples,coverage")])
def test_schemathesis(who, phases, tmp_path):
    """Generated requests, good and bad, with every check: status, type, headers, body as documented, bad data refused,
    good data taken, authentication required where it is declared, never a 5xx."""
    config = pathlib.Path(__file__).with_name("schemathesis.toml")  # what is left out, and why
    with running() as site:
        arguments = ["--phases", phases, "--generation-deterministic", "--max-examples", "5", "--no-shrink",
                     "--continue-on-failure", "--no-color"]
        env = {"HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path), "PARLEY_URL": site.url,
               "SCHEMATHESIS_HOOKS": str(config.with_name("hooks.py"))}
        if who == "admin":
            arguments += ["--header", f"Authorization: Bearer {site.server.token}"]
            env["PARLEY_TOKEN"] = site.server.token
        done = run([sys.executable, "-m", "schemathesis.cli", "--config-file", config, "run",
                    f"{site.url}/openapi.json", *arguments],
                   timeout=900, cwd=tmp_path, env=env)
        alive(site)
        assert done.returncode == 0, done.stdout[-12000:] + done.stderr[-2000:]
