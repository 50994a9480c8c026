"""Which process is whose, and which silence is a hang."""

import pytest

from automation.browser.processes import (
    BrowserProcess,
    cpu_used,
    is_browser_hung,
    is_hung,
    network_pid,
    parse_processes,
    renderer_pid,
)

REPLY = {
    "processInfo": [
        {"type": "browser", "id": 10, "cpuTime": 0.4},
        {"type": "renderer", "id": 11, "cpuTime": 2.5},
        {"type": "renderer", "id": 12, "cpuTime": 0.5},
        {"type": "network.mojom.NetworkService", "id": 13, "cpuTime": 0.1},
        {"type": "GPU", "id": 14, "cpuTime": 0},
    ]
}
PROCESSES = parse_processes(REPLY)


def test_chromiums_reply_is_read():
    assert PROCESSES[1] == BrowserProcess(11, "renderer", 2.5)
    assert network_pid(PROCESSES) == 13
    assert network_pid(PROCESSES[:2]) is None


@pytest.mark.parametrize(
    ("request_id", "pid"),
    [
        ("16644.2", 16644),
        ("1000016644.2", 16644),
        ("5491E5CCC6E9CF5351101D0C7F49D994", None),
        ("interception-job-1.0", None),
        ("", None),
    ],
)
def test_a_request_tells_the_process_that_sent_it(request_id, pid):
    assert renderer_pid(request_id) == pid


@pytest.mark.parametrize(
    ("pids", "cpu_s"),
    [({11, 12}, 2.5), ({12}, 0.5), ({12, 99}, 0.5), ({10}, None), ({99}, None), (set(), None)],
)
def test_of_a_pages_renderers_the_busiest_counts(pids, cpu_s):
    assert cpu_used(pids, PROCESSES) == cpu_s


@pytest.mark.parametrize(
    ("silent_s", "cpu_s", "waits_for_cpu", "hung"),
    [
        (10.0, 0.0, False, True),
        (10.0, 0.49, False, True),
        (10.0, 0.5, False, False),
        (30.0, 1.4, False, True),
        (30.0, 29.0, False, False),
        (9.9, 0.0, False, False),
        (60.0, None, False, False),
        (60.0, 0.0, True, False),
    ],
)
def test_a_renderer_hangs_when_it_neither_answers_nor_computes(silent_s, cpu_s, waits_for_cpu, hung):
    assert is_hung(silent_s, cpu_s, waits_for_cpu=waits_for_cpu) is hung


@pytest.mark.parametrize(
    ("silent_s", "cpu_s", "waits_for_cpu", "hung"),
    [
        (5.0, 0.0, False, True),
        (5.0, None, False, True),
        (5.0, 0.25, False, False),
        (5.0, 0.0, True, False),
        (59.0, 4.0, False, False),
        (60.0, 4.0, False, True),
        (60.0, 0.0, True, True),
    ],
)
def test_a_busy_browser_is_given_a_minute_and_one_that_does_nothing_is_not(
    silent_s, cpu_s, waits_for_cpu, hung
):
    assert is_browser_hung(silent_s, 5.0, cpu_s, waits_for_cpu=waits_for_cpu) is hung
