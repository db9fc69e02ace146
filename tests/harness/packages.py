# SPDX-License-Identifier: Apache-2.0
"""npm packages of a folder of tests, as its package-lock.json says."""
import fcntl
import subprocess


def npm_packages(folder):
    """npm ci, once for all workers, and again when the lock file has changed."""
    with open(folder / ".install.lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        mark = folder / "node_modules" / ".installed"
        wanted = (folder / "package-lock.json").read_text(encoding="utf-8")
        if mark.exists() and mark.read_text(encoding="utf-8") == wanted:
            return
        done = subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=folder,
                              capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, f"npm ci: {done.stdout}\n{done.stderr}"
        mark.write_text(wanted, encoding="utf-8")
