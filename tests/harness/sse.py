# SPDX-License-Identifier: Apache-2.0
"""Server-sent events out of a streamed httpx response, read strictly as the standard says."""

import dataclasses
import json


@dataclasses.dataclass
class Event:
    event: str
    data: str
    id: str | None

    @property
    def json(self):
        return json.loads(self.data)


def events(response):
    """Yields each event of a response opened with `client.stream(…)`; comments are skipped."""
    name, data, last_id = "message", [], None
    for line in response.iter_lines():
        if line == "":
            if data:
                yield Event(name, "\n".join(data), last_id)
            name, data = "message", []
        elif not line.startswith(":"):
            field, _, value = line.partition(":")
            value = value[1:] if value.startswith(" ") else value
            if field == "event":
                name = value
            elif field == "data":
                data.append(value)
            elif field == "id":
                last_id = value
