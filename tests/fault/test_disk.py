# SPDX-License-Identifier: Apache-2.0
"""A full disk (program 3): writes get 503 with Retry-After, reading goes on, and writing works again with room."""

import os
import subprocess
import time

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB; only root can make one."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small file system")
    place = tmp_path / "small"
    place.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True, text=True)
    if done.returncode != 0:
        pytest.skip(f"no small file system here: {done.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def fill(place):
    """Takes every free byte of the file system."""
    with open(place / "ballast", "ab") as ballast:
        while True:
            try:
                ballast.write(b"\0" * 65536)
                ballast.flush()
            except OSError:
                break
    with open(place / "ballast", "ab", buffering=0) as ballast:
        while True:
            try:
                ballast.write(b"\0" * 512)
            except OSError:
                return


def product(number):
    return {
        "id": f"p{number}", "name": f"Reel {number}", "description": "A reel of line. " * 60, "category": "Reels",
        "price": number, "features": ["strong"], "specifications": {f"k{i}": "v" * 200 for i in range(40)},
    }


def test_full_disk(server, small_disk):
    s = server(data=small_disk / "data")
    brand, kept = s.brand(), []
    url = f"/brands/{brand}/products"
    with s.client(s.token) as client:
        for number in range(5):
            assert client.post(url, json=product(number)).status_code == 200
            kept.append(f"p{number}")
        fill(small_disk)

        # The log file may have room of its own for some writes; each is either kept or refused, and soon all are.
        refused = None
        for number in range(5, 3000):
            reply = client.post(url, json=product(number))
            if reply.status_code != 200:
                refused = reply
                break
            kept.append(f"p{number}")
        assert refused is not None, "the disk did not fill up"
        assert refused.status_code == 503, refused.text
        assert refused.json() == {"detail": "Service temporarily unavailable"}
        assert int(refused.headers["Retry-After"]) >= 1

        for _ in range(20):
            again = client.post(url, json=product(90001))
            assert again.status_code == 503
        assert [p["id"] for p in client.get(url).json()] == kept
        assert client.post(f"{url}/search", json={"query": "reel", "limit": 100}).status_code == 200
        chat = client.post(f"/chat/{brand}", json={"message": "Do you sell reels?", "conversation_id": "full"})
        assert chat.status_code == 503 and "Retry-After" in chat.headers
        assert s.history(brand, "full") == []

        (small_disk / "ballast").unlink()
        deadline = time.monotonic() + 30
        while (reply := client.post(url, json=product(90002))).status_code != 200:
            assert reply.status_code == 503 and time.monotonic() < deadline, reply.text
            time.sleep(0.2)
        kept.append("p90002")
        assert [p["id"] for p in client.get(url).json()] == kept
        assert client.post(f"/chat/{brand}", json={"message": "Do you sell reels?"}).status_code == 200
    s.kill()
    s.restart()
    with s.client() as client:
        assert [p["id"] for p in client.get(url).json()] == kept


def test_start_on_a_full_disk_says_so(server, small_disk):
    """A server that cannot make its store ends with exit 1 and one line, and starts once there is room."""
    from harness import ProgramFailed

    fill(small_disk)
    with pytest.raises(ProgramFailed) as failed:
        server(data=small_disk / "data")
    assert "exit 1" in str(failed.value) or "exit 2" in str(failed.value)
    (small_disk / "ballast").unlink()
    assert server(data=small_disk / "data").api.get("/health").status_code == 200
