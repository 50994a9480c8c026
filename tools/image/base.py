"""A stand-in for the Dockerfile's base image, for machines that reach Debian's mirror and no registry: made by debootstrap.

It has Debian's own Python under the names that the image of Python has. Behind a proxy that speaks for other hosts, a
build needs this machine's certificates and pip's settings: they are copied from where this machine has them.
"""

from __future__ import annotations

import ast
import hashlib
import os
import re
import shutil
import ssl
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tools.image.commands import ROOT, ImageTestError, install_packages, run_command, say
from tools.image.engines import Engine

_SUITE = "bookworm"  # whose Python is the one that the Dockerfile names
_PACKAGES = ("ca-certificates", "python3", "python3-pip", "python-is-python3")
_CERTIFICATES = "etc/ssl/certs/ca-certificates.crt"
_BOOTSTRAP_S = 900.0
_PIP_S = 60.0
# What says how an index is reached; files and folders of this machine are not in the image.
_PIP_SETTINGS = (
    "index-url",
    "extra-index-url",
    "trusted-host",
    "proxy",
    "timeout",
    "default-timeout",
    "retries",
)
_ADVICE = (
    "Where no registry can be reached, the base image is made by debootstrap, which takes root on Debian or Ubuntu: "
    "`apt-get install -y debootstrap`."
)


def find_base(dockerfile: str) -> str:
    """Return the image that a Dockerfile builds on.

    Raises:
        ImageTestError: It names none.
    """
    found = re.search(r"^FROM\s+(\S+)", dockerfile, re.MULTILINE)
    if found is None:
        raise ImageTestError("The Dockerfile has no FROM.")
    return found[1]


def make_base(engine: Engine) -> str:
    """Make the stand-in unless the engine has it from before; return its tag.

    Raises:
        ImageTestError: debootstrap can't run here, or failed.
    """
    if os.geteuid() != 0 or not (shutil.which("debootstrap") or install_packages("debootstrap")):
        raise ImageTestError(_ADVICE)
    pip_settings = format_pip_settings(run_command([sys.executable, "-m", "pip", "config", "list"], _PIP_S))
    certificates = find_certificates(os.environ)
    key = hashlib.sha256(pip_settings.encode() + certificates + repr(_PACKAGES).encode()).hexdigest()
    tag = f"localhost/parley-base:{_SUITE}-{key[:12]}"
    if engine.has(tag):
        say(f"building on {tag}, made before")
        return tag
    say(f"making a base image by debootstrap ({_SUITE}), as no registry can be reached")
    with tempfile.TemporaryDirectory(prefix="parley-base-") as folder:
        root = Path(folder) / "root"
        packages = f"--include={','.join(_PACKAGES)}"
        run_command(["debootstrap", "--variant=minbase", packages, _SUITE, str(root)], _BOOTSTRAP_S)
        _adapt(root, pip_settings, certificates)
        engine.add_base(root, tag)
    return tag


def _adapt(root: Path, pip_settings: str, certificates: bytes) -> None:
    """Have the files of a new Debian be like the image of Python: pip installs beside the system's own packages."""
    root.chmod(0o755)
    (root / _CERTIFICATES).write_bytes(certificates)
    (root / "etc/pip.conf").write_text(pip_settings, "utf-8")
    for mark in root.glob("usr/lib/python3*/EXTERNALLY-MANAGED"):
        mark.unlink()
    shutil.rmtree(root / "var/cache/apt/archives", ignore_errors=True)


def format_pip_settings(listed: str) -> str:
    """Return a pip.conf with those settings of ``pip config list`` that say how an index is reached."""
    settings = {"cert": f"/{_CERTIFICATES}"}
    for line in listed.splitlines():  # those of the environment come first, and they are what counts
        name, _, value = line.partition("=")
        key = name.rpartition(".")[2]
        if key in _PIP_SETTINGS:
            words = str(ast.literal_eval(value)).split()
            settings.setdefault(key, " ".join(word for word in words if not word.startswith(("/", "file:"))))
    return "\n".join(["[global]", *(f"{key} = {value}" for key, value in settings.items() if value), ""])


def find_certificates(variables: Mapping[str, str]) -> bytes:
    """Return the bundle of certificates that programs of this machine trust; empty where it has none.

    The environment's own (``SSL_CERT_FILE``) goes before the one that OpenSSL was built with.
    """
    paths = ssl.get_default_verify_paths()
    for place in (variables.get(paths.openssl_cafile_env), paths.cafile, f"/{_CERTIFICATES}"):
        if place and Path(place).is_file():
            return Path(place).read_bytes()
    return b""


def read_dockerfile() -> str:
    """Return the text of the project's Dockerfile."""
    return (ROOT / "Dockerfile").read_text("utf-8")
