"""What the container image and its seccomp profile must have, where no Docker is at hand to try them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROFILE = json.loads((ROOT / "docker" / "seccomp.json").read_text("utf-8"))
BLOCKED = [name for group in PROFILE["syscalls"] for name in group["names"]]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("call", ["clone", "clone3", "unshare", "setns", "chroot", "seccomp", "prctl"])
def test_what_chromiums_sandbox_needs_is_allowed(call):
    assert PROFILE["defaultAction"] == "SCMP_ACT_ALLOW"
    assert call not in BLOCKED


@pytest.mark.parametrize(
    "call",
    ["mount", "init_module", "bpf", "keyctl", "process_vm_readv", "open_by_handle_at", "io_uring_setup"],
)
def test_what_reaches_through_a_container_is_blocked(call):
    assert call in BLOCKED


def test_every_blocked_call_fails_once_and_says_that_it_is_not_permitted():
    assert len(BLOCKED) == len(set(BLOCKED))
    assert {(group["action"], group["errnoRet"]) for group in PROFILE["syscalls"]} == {("SCMP_ACT_ERRNO", 1)}


def test_the_image_has_what_driver_browser_and_sandbox_need_and_is_not_root():
    installed = re.search(r"apt-get install[^&]*", DOCKERFILE)

    assert installed is not None
    assert {"chromium", "libatomic1", "util-linux", "xvfb", "tini"} <= set(installed[0].split())
    assert re.search(r"^USER (?!root)", DOCKERFILE, re.MULTILINE)
