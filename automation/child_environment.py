"""Environment of the programs that are started: what they need to run, and never a secret of this process. Pure."""

from __future__ import annotations

from collections.abc import Mapping

_NAMES = frozenset(
    {
        "HOME",
        "LANG",
        "LANGUAGE",
        "LOGNAME",
        "PATH",
        "SHELL",
        "TEMP",
        "TMP",
        "TMPDIR",
        "TZ",
        "TZDIR",
        "USER",
        # where windows are shown, and how they are drawn
        "DISPLAY",
        "WAYLAND_DISPLAY",
        "XAUTHORITY",
        # libraries and certificates
        "LD_LIBRARY_PATH",
        "DYLD_LIBRARY_PATH",
        "SSL_CERT_DIR",
        "SSL_CERT_FILE",
        "NODE_EXTRA_CA_CERTS",
        # programs in Python
        "PYTHONHOME",
        "PYTHONPATH",
        # the driver and its browser
        "CHROME_DEVEL_SANDBOX",
        "PLAYWRIGHT_BROWSERS_PATH",
        "PLAYWRIGHT_NODEJS_PATH",
        "PW_CLI_DISPLAY_VERSION",
        "PW_LANG_NAME",
        "PW_LANG_NAME_VERSION",
        # proxies of the machine
        "all_proxy",
        "ftp_proxy",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "ALL_PROXY",
        "FTP_PROXY",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        # Windows
        "APPDATA",
        "LOCALAPPDATA",
        "PROGRAMFILES",
        "SYSTEMROOT",
        "USERPROFILE",
        "WINDIR",
    }
)
_PREFIXES = ("LC_", "XDG_", "DBUS_", "FONTCONFIG_", "GALLIUM_", "LIBGL_", "MESA_", "LP_")


def limit_environment(variables: Mapping[str, str]) -> dict[str, str]:
    """Return those of the variables that a browser, its driver or a display may see."""
    return {name: value for name, value in variables.items() if name in _NAMES or name.startswith(_PREFIXES)}
