"""Children of the demo: they end with it, and a failure quotes their log."""

import os
import socket

import pytest

from demo.processes import DemoError, free_port, running


def is_running(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def bundled_site(port: int = 0) -> tuple[str, list[str]]:
    return "chat site", ["demo.site", "bundled", "--port", str(port or free_port())]


def test_the_bundled_site_answers_while_the_block_runs_and_is_gone_after_it(tmp_path):
    port = free_port()
    url = f"http://127.0.0.1:{port}/"

    with running(*bundled_site(port), tmp_path / "log", {}) as site:
        site.wait_until_it_answers(url, 30)
        pid = site._process.pid

    assert not is_running(pid)


def test_a_child_is_ended_when_the_block_fails(tmp_path):
    pids = []

    def interrupted():
        with running(*bundled_site(), tmp_path / "log", {}) as site:
            pids.append(site._process.pid)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()

    assert not is_running(pids[0])


def test_the_site_ends_by_itself_when_its_starter_is_gone(tmp_path):
    with running(*bundled_site(), tmp_path / "log", {}) as site:
        assert site._process.stdin is not None
        site._process.stdin.close()  # what the system does when the starter is killed

        status = site._process.wait(20)

    assert status == 0


def test_a_child_that_ends_is_an_error_that_quotes_its_log(tmp_path):
    with (
        running("chat site", ["demo.site", "neither"], tmp_path / "log", {}) as site,
        pytest.raises(DemoError, match="ended with status 2") as caught,
    ):
        site.wait_until_it_answers("http://127.0.0.1:9/", 30)

    assert "invalid choice: 'neither'" in str(caught.value)


def test_a_child_that_never_answers_is_an_error(tmp_path):
    with (
        running(*bundled_site(), tmp_path / "log", {}) as site,
        pytest.raises(DemoError, match="did not answer"),
    ):
        site.wait_until_it_answers("http://127.0.0.1:9/", 0)


def test_a_free_port_is_the_preferred_one_unless_it_is_taken():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        other = free_port(port)

    assert other != port
    assert free_port(other) == other
