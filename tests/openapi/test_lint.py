# SPDX-License-Identifier: Apache-2.0
"""The OpenAPI document passes a linter of others, and says what theirs does not ask for."""
import json
import pathlib
import shutil

import pytest

from harness import find_binary, run
from harness.packages import npm_packages

HERE = pathlib.Path(__file__).parent
METHODS = ("get", "put", "post", "delete", "patch")


@pytest.fixture(scope="module")
def printed():
    binary = find_binary("parley", "PARLEY_BIN")
    if not binary.exists():
        pytest.skip("parley is not built")
    return run([binary, "openapi"]).stdout


@pytest.mark.timeout(420)
def test_redocly(printed, tmp_path):
    """No error of its recommended rules. The first run installs the linter, which takes a minute."""
    for program in ("node", "npm"):
        if not shutil.which(program):
            pytest.skip(f"{program} is not there")
    npm_packages(HERE)
    (tmp_path / "openapi.json").write_text(printed, encoding="utf-8")
    done = run(["node", HERE / "node_modules/@redocly/cli/bin/cli.js", "lint", "--extends=recommended",
                tmp_path / "openapi.json"], timeout=120, cwd=tmp_path, env={"REDOCLY_TELEMETRY": "off"})
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]


def test_everything_is_told(printed):
    """Each operation: description, letter of its right, tag with a description, parameters with descriptions, an
    example of each JSON body and reply, errors with codes."""
    document = json.loads(printed)
    tags, letters = {tag["name"]: tag["description"] for tag in document["tags"]}, document["x-parley-rights"]
    lacking = []

    def want(there, name, what):
        if not there:
            lacking.append(f"{name}: {what}")

    for path, item in document["paths"].items():
        for method in METHODS:
            if method not in item:
                continue
            one, name = item[method], f"{method.upper()} {path}"
            want(one.get("description"), name, "description")
            want(one.get("x-parley-right") in letters, name, "x-parley-right")
            for tag in one["tags"]:
                want(tags.get(tag), name, f"a description of the tag {tag} (tags in api/openapi.c)")
            for parameter in one["parameters"]:
                want(parameter.get("description"), name, f"a description of {parameter['name']}")
            bodies = [one.get("requestBody", {})]
            for status, reply in one["responses"].items():
                if "$ref" in reply:
                    reply = document["components"]["responses"][reply["$ref"].rpartition("/")[2]]
                bodies.append(reply)
            for body in bodies:
                media = body.get("content", {}).get("application/json")
                want(media is None or "example" in media, name, f"an example of {body.get('description', 'its body')}")
    for name, reply in document["components"]["responses"].items():
        example = reply["content"]["application/json"]["example"]
        if name.startswith(("Platform", "External")):
            want(example.get("code", example.get("error", {}) and example["error"].get("code")), name, "a code")
    assert lacking == []
