import pytest

from automation.browser.start_failures import find_own_words, is_about_sandbox, what_is_missing

LOG = """BrowserType.launch: Target page, context or browser has been closed
Browser logs:

<launching> /opt/chrome --headless
<launched> pid=312
[pid=312][err] Fontconfig warning: unknown element
[pid=312][err] /opt/chrome: error while loading shared libraries: libnspr4.so: cannot open shared object file
[pid=312] <process did exit: exitCode=127, signal=null>
Call log:
  - <launching>"""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            LOG,
            "/opt/chrome: error while loading shared libraries: libnspr4.so: cannot open shared object file",
        ),
        (
            "Connection closed while reading from the driver",
            "Connection closed while reading from the driver",
        ),
        ("node: bad option\nError: no", "Error: no"),
        ("", ""),
        ("x" * 1000, "x" * 300),
    ],
)
def test_a_programs_own_words_are_found_in_what_was_logged_of_it(text, words):
    assert find_own_words(text) == words


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        (LOG, "apt-get install -y libnspr4"),
        (
            "error while loading shared libraries: libatomic.so.1: cannot open",
            "apt-get install -y libatomic1",
        ),
        ("error while loading shared libraries: libfancy.so.9: cannot open", "libfancy.so.9"),
        ("dyld: Library not loaded: @rpath/libx.dylib", "@rpath/libx.dylib"),
    ],
)
def test_a_missing_library_is_told_with_its_package(text, remedy):
    assert remedy in str(what_is_missing(text))


def test_where_nothing_is_missing_nothing_is_to_be_installed():
    assert what_is_missing("No usable sandbox!") is None


@pytest.mark.parametrize(
    ("text", "is_about"),
    [
        ("[err] FATAL: No usable sandbox! If this is a Debian system", True),
        ("The setuid sandbox is not running as root", True),
        ("Failed to move to new namespace: sandbox creation denied", True),
        (LOG, False),
        ("--no-sandbox", False),
    ],
)
def test_a_refused_sandbox_is_told_from_other_failures(text, is_about):
    assert is_about_sandbox(text) is is_about
