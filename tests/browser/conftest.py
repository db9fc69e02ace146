# SPDX-License-Identifier: Apache-2.0
"""A browser for the tests here: the distribution's Chromium, driven by driver.mjs. Its npm packages are installed on
first use, from package-lock.json, into node_modules beside this file."""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import threading

import pytest

from harness.packages import npm_packages

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCENARIO_SECONDS = 120
sys.path.insert(0, str(HERE))  # fake_parley and pages


class Browser:
    """browser("asks", url, viewport={…}) runs one scenario and gives what it returns, or fails with its reason."""

    def __init__(self):
        self.errors = []
        self.node = subprocess.Popen(
            ["node", "driver.mjs"],
            cwd=HERE,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        threading.Thread(target=lambda: self.errors.extend(self.node.stderr), daemon=True).start()
        self._reply(60)

    def _reply(self, seconds):
        timer = threading.Timer(seconds, self.node.kill)
        timer.start()
        line = self.node.stdout.readline()
        timer.cancel()
        assert line, f"the browser's driver ended: {''.join(self.errors)[-4000:]}"
        return json.loads(line)

    def __call__(self, scenario, url, **options):
        if os.environ.get("PARLEY_PICTURES"):
            options["picture"] = f"{os.environ['PARLEY_PICTURES']}/{scenario}.png"
        self.node.stdin.write(json.dumps({"scenario": scenario, "url": url, "options": options}) + "\n")
        self.node.stdin.flush()
        reply = self._reply(SCENARIO_SECONDS)
        assert reply.get("ok"), reply["error"]
        return reply["value"]

    def close(self):
        self.node.stdin.close()
        try:
            self.node.wait(20)
        except subprocess.TimeoutExpired:
            self.node.kill()


@pytest.fixture(scope="session")
def browser():
    for program in ("node", "npm", "chromium"):
        if shutil.which(program) is None and not (program == "chromium" and os.environ.get("CHROMIUM")):
            pytest.skip(f"{program} is not installed")
    npm_packages(HERE)
    one = Browser()
    yield one
    one.close()
