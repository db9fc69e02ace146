# SPDX-License-Identifier: Apache-2.0
"""Every reply that the suite gets from a shared server, held against the OpenAPI document that this server serves.

`Conformance.see` is a response hook of the clients. It keeps what does not agree (once per operation, status and kind
of fault); a fixture fails at the end of a worker's run when there is anything. Of one operation and status the first
few bodies are validated, so that a thousand equal replies do not take a thousand validations.
"""
import json
import re

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

BODIES_EACH = 25
LARGEST = 300_000


class Conformance:
    def __init__(self, document):
        self.document = document
        self.registry = Registry().with_resource("urn:document", Resource(contents=document, specification=DRAFT202012))
        self.operations = []
        for path, operations in document["paths"].items():
            pattern = re.compile("".join("[^/]+" if part.startswith("{") else re.escape(part)
                                         for part in re.split(r"(\{[^}]*\})", path)) + "/?")
            for method, operation in operations.items():
                if isinstance(operation, dict) and "responses" in operation:
                    self.operations.append((path.count("{"), method.upper(), pattern, path, operation))
        self.operations.sort(key=lambda row: row[0])  # a literal segment wins
        self.validators, self.seen, self.faults = {}, {}, {}

    def find(self, method, raw_path):
        for _, its_method, pattern, path, operation in self.operations:
            if its_method == method and pattern.fullmatch(raw_path):
                return path, operation
        return None, None

    def resolve(self, value):
        while isinstance(value, dict) and "$ref" in value:
            target = self.document
            for part in value["$ref"].removeprefix("#/").split("/"):
                target = target[part.replace("~1", "/").replace("~0", "~")]
            value = target
        return value

    def fault(self, method, path, status, kind, text):
        self.faults.setdefault((method, path, status, kind), text[:400])

    def validator(self, key, schema):
        if key not in self.validators:
            text = json.dumps(schema).replace('"$ref": "#/', '"$ref": "urn:document#/')
            self.validators[key] = Draft202012Validator(json.loads(text), registry=self.registry)
        return self.validators[key]

    def see(self, response):
        request = response.request
        raw_path = request.url.raw_path.decode().partition("?")[0]
        method = "GET" if request.method == "HEAD" else request.method
        path, operation = self.find(method, raw_path)
        if operation is None or response.status_code == 101:
            return
        status = str(response.status_code)
        responses = operation["responses"]
        described = self.resolve(responses.get(status, responses.get(status[0] + "XX", responses.get("default"))))
        if described is None:
            self.fault(method, path, status, "undocumented status", str(request.url)[:200])
            return
        count = self.seen[method, path, status] = self.seen.get((method, path, status), 0) + 1
        content = described.get("content") or {}
        if request.method == "HEAD" or count > BODIES_EACH or int(response.headers.get("content-length", 0)) > LARGEST:
            return
        body = response.read()
        type = response.headers.get("content-type", "").partition(";")[0]
        if not content:
            if body:
                self.fault(method, path, status, "undocumented body", body[:200].decode(errors="replace"))
            return
        if type not in content:
            self.fault(method, path, status, "undocumented content type", type)
            return
        schema = content[type].get("schema")
        if schema is None or not type.endswith("json"):
            return
        for error in self.validator((method, path, status, type), schema).iter_errors(json.loads(body)):
            self.fault(method, path, status, f"body at {'/'.join(str(part) for part in error.absolute_path)[:60]}",
                       error.message)

    def report(self):
        return "\n".join(f"{method} {path} {status}: {kind}: {text}" for (method, path, status, kind),
                         text in sorted(self.faults.items()))
