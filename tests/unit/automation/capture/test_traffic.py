"""What the page's requests prove about an answer, whatever they carry."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from automation.capture.traffic import Flow, Traffic

SSE = "text/event-stream"


def streamed(traffic, request_id="1", media_type=SSE, first_s=1.0, last_s=5.0):
    traffic.request_left(request_id)
    traffic.response_began(request_id, media_type)
    traffic.data_came(request_id, first_s)
    traffic.data_came(request_id, last_s)


def test_a_turn_without_requests_says_nothing():
    assert Traffic().flow(1.0) is Flow.UNKNOWN


def test_a_request_that_has_brought_nothing_is_waited_for():
    traffic = Traffic()
    traffic.request_left("1")
    traffic.response_began("1", SSE)

    assert traffic.flow(None) is Flow.WAITING


@pytest.mark.parametrize("media_type", [SSE, "Application/X-NDJSON", "application/connect+proto"])
def test_a_stream_is_known_by_its_type(media_type):
    traffic = Traffic()
    streamed(traffic, media_type=media_type)
    before = traffic.flow(None)
    traffic.request_over("1", is_cut=False)

    assert (before, traffic.flow(None)) == (Flow.OPEN, Flow.STREAM_ENDED)


def test_a_stream_of_any_type_is_known_by_the_text_that_showed_while_it_came():
    traffic = Traffic()
    streamed(traffic, media_type="text/plain", first_s=1.0, last_s=5.0)
    before = traffic.flow(2.0)
    traffic.request_over("1", is_cut=False)

    assert (before, traffic.flow(2.0)) == (Flow.OPEN, Flow.STREAM_ENDED)


def test_one_whole_body_is_no_stream():
    traffic = Traffic()
    streamed(traffic, media_type="application/json", first_s=1.0, last_s=1.1)
    traffic.request_over("1", is_cut=False)

    assert traffic.flow(1.2) is Flow.BODY_ENDED


def test_bodies_one_after_the_other_may_be_polling_and_prove_nothing():
    traffic = Traffic()
    for request_id in ("1", "2"):
        streamed(traffic, request_id, "application/json")
        traffic.request_over(request_id, is_cut=False)

    assert traffic.flow(9.0) is Flow.UNKNOWN


@pytest.mark.parametrize(
    "brings",
    [lambda t: t.message_came(), lambda t: t.data_came("of the turn before", 2.0)],
    ids=["socket", "stream"],
)
def test_beside_a_socket_or_a_stream_of_before_one_body_proves_nothing(brings):
    traffic = Traffic()
    streamed(traffic, media_type="application/json")
    traffic.request_over("1", is_cut=False)
    brings(traffic)

    assert traffic.flow(9.0) is Flow.UNKNOWN


def test_after_a_stream_another_request_is_waited_for():
    traffic = Traffic()
    streamed(traffic)
    traffic.request_over("1", is_cut=False)
    traffic.request_left("2")

    assert traffic.flow(2.0) is Flow.WAITING


def test_a_second_stream_keeps_the_answer_open():
    traffic = Traffic()
    streamed(traffic)
    traffic.request_over("1", is_cut=False)
    streamed(traffic, "2")

    assert traffic.flow(2.0) is Flow.OPEN


def test_a_stream_that_broke_is_cut_unless_another_one_went_on():
    traffic = Traffic()
    streamed(traffic)
    traffic.request_over("1", is_cut=True)
    alone = traffic.flow(2.0)
    streamed(traffic, "2")
    traffic.request_over("2", is_cut=False)

    assert (alone, traffic.flow(2.0)) == (Flow.CUT, Flow.STREAM_ENDED)


def test_what_the_turn_before_left_open_is_not_this_turns():
    traffic = Traffic()
    streamed(traffic)
    traffic.begin()

    assert traffic.flow(2.0) is Flow.UNKNOWN


# -- kept at each event, against a look at all requests -------------------------------------------------------------------

IDS = st.sampled_from("123")
TYPES = st.sampled_from(["", "application/json", SSE, "Text/Event-Stream"])
MOMENTS = st.integers(0, 5).map(float)
EVENTS = st.one_of(
    st.tuples(st.just("request_left"), IDS, TYPES),
    st.tuples(st.just("response_began"), IDS, TYPES),
    st.tuples(st.just("data_came"), IDS, MOMENTS),
    st.tuples(st.just("request_over"), IDS, st.booleans()),
    st.tuples(st.just("message_came")),
    st.tuples(st.just("begin")),
)


@given(st.lists(st.tuples(EVENTS, st.none() | MOMENTS), max_size=20))
def test_what_is_kept_of_the_requests_says_what_a_look_at_all_of_them_would(script):
    traffic, oracle = Traffic(), AllRequests()

    for (name, *values), first_text_s in script:
        for told in (traffic, oracle):
            if name == "request_over":
                told.request_over(values[0], is_cut=values[1])
            else:
                getattr(told, name)(*values)

        assert traffic.flow(first_text_s) is oracle.flow(first_text_s)


class AllRequests:
    """``Traffic`` as it is defined: each look goes through all requests."""

    def __init__(self):
        self.begin()

    def begin(self):
        self.requests = {}
        self.others_brought = False

    def request_left(self, request_id, media_type=""):
        self.requests[request_id] = {
            "type": media_type,
            "first": None,
            "last": 0,
            "over": False,
            "cut": False,
        }

    def response_began(self, request_id, media_type):
        if request_id in self.requests:
            self.requests[request_id]["type"] = media_type.lower()

    def data_came(self, request_id, at_s):
        request = self.requests.get(request_id)
        if request is None:
            self.others_brought = True
            return
        request["last"] = at_s
        request["first"] = at_s if request["first"] is None else request["first"]

    def message_came(self):
        self.others_brought = True

    def request_over(self, request_id, *, is_cut):
        if request_id in self.requests:
            self.requests[request_id].update(over=True, cut=is_cut)

    def flow(self, first_text_s):
        def streams(request):
            if request["first"] is None:
                return False
            is_typed = request["type"].startswith(SSE)
            return is_typed or (
                first_text_s is not None and request["first"] < first_text_s < request["last"]
            )

        found = [request for request in self.requests.values() if streams(request)]
        if any(not request["over"] for request in found):
            return Flow.OPEN
        if any(not request["over"] for request in self.requests.values()):
            return Flow.WAITING
        if found:
            return Flow.CUT if found[-1]["cut"] else Flow.STREAM_ENDED
        bodies = [request for request in self.requests.values() if request["first"] is not None]
        return Flow.BODY_ENDED if len(bodies) == 1 and not self.others_brought else Flow.UNKNOWN


# -- whose text it is ----------------------------------------------------------------------------------------------------


def body(traffic, request_id, address, at_s, *, is_over=True, media_type="application/json"):
    traffic.request_left(request_id, address=address, at_s=at_s)
    traffic.response_began(request_id, media_type)
    traffic.data_came(request_id, at_s + 0.1)
    if is_over:
        traffic.request_over(request_id, is_cut=False, at_s=at_s + 0.1)


def poll(traffic, *times):
    body(traffic, "ask", "POST /ask", 0.0)
    for at_s in times:
        body(traffic, f"poll {at_s}", "GET /poll", at_s)
        if at_s == times[0]:
            traffic.text_grew(at_s + 0.15)


@pytest.mark.parametrize(
    ("at_s", "flow"), [(5.0, Flow.POLLING), (9.0, Flow.POLLING), (9.3, Flow.STREAM_ENDED)]
)
def test_a_page_that_asks_again_and_again_is_at_work_until_it_lets_a_pause_pass(at_s, flow):
    traffic = Traffic()
    poll(traffic, 1.0, 3.0, 5.0)

    # Two seconds between two of them; the last one was over at 5.1.
    assert traffic.flow(1.15, at_s) is flow


def test_one_look_is_not_yet_polling_and_proves_no_end():
    traffic = Traffic()
    traffic.request_left("ask", address="POST /ask", at_s=0.0)
    traffic.request_over("ask", is_cut=False, at_s=0.1)
    body(traffic, "poll", "GET /poll", 1.0)
    traffic.text_grew(1.15)

    assert traffic.flow(1.15, 9.0) is Flow.UNKNOWN


def test_what_a_page_asks_for_every_second_beside_its_answer_is_no_polling_for_it():
    traffic = Traffic()
    for at_s in (0.5, 1.5, 2.5):
        body(traffic, f"beat {at_s}", "GET /beat", at_s)
    body(traffic, "ask", "POST /ask", 2.6)
    traffic.text_grew(2.75)
    for at_s in (3.5, 4.5):
        body(traffic, f"beat {at_s}", "GET /beat", at_s)
        traffic.text_grew(at_s + 0.2)  # the page writes the answer out

    assert traffic.flow(2.75, 4.7) is Flow.UNKNOWN


@pytest.mark.parametrize(("times", "flow"), [(1, Flow.POLLING), (2, Flow.UNKNOWN)])
def test_what_is_asked_for_again_and_again_before_the_prompt_has_not_brought_the_answer(times, flow):
    traffic = Traffic()
    traffic.begin()
    for number in range(times):
        body(traffic, f"early {number}", "GET /status", float(number))
    traffic.sent()
    body(traffic, "ask", "POST /ask", 4.0)
    body(traffic, "beat", "GET /status", 4.5)
    traffic.text_grew(4.7)
    body(traffic, "later", "GET /status", 5.0)

    assert traffic.flow(4.7, 5.2) is flow


def test_text_that_shows_after_a_sockets_message_was_not_brought_by_what_is_polled_beside_it():
    traffic = Traffic()
    body(traffic, "beat", "GET /status", 4.5)
    traffic.message_came()
    traffic.text_grew(4.7)
    body(traffic, "later", "GET /status", 5.0)
    traffic.text_grew(5.2)  # the page writes the answer out

    assert traffic.flow(4.7, 5.3) is Flow.UNKNOWN


def test_a_look_or_two_after_each_turn_does_not_make_an_address_one_of_the_background():
    traffic = Traffic()
    for _ in range(3):
        traffic.asked_at_rest("GET /poll")
        traffic.begin()
        traffic.sent()
    poll(traffic, 1.0, 3.0)

    assert traffic.flow(1.15, 4.0) is Flow.POLLING


@pytest.mark.parametrize(
    ("address", "flow"),
    [("POST /step", Flow.ASKING_AGAIN), ("POST /title", Flow.WAITING), ("GET /step", Flow.WAITING)],
)
def test_another_request_to_where_the_answer_came_from_may_bring_more_of_it(address, flow):
    traffic = Traffic()
    body(traffic, "1", "POST /step", 0.0, media_type=SSE)
    traffic.text_grew(0.2)
    traffic.request_left("2", address=address, at_s=3.0)

    assert traffic.flow(0.2, 3.1) is flow


@pytest.mark.parametrize(
    ("left_s", "texts", "flow"),
    [(0.0, 0, Flow.BODY_ENDED), (0.0, 1, Flow.OPEN), (5.0, 0, Flow.WAITING)],
    ids=["of something else", "of the answer", "begun after the text"],
)
def test_a_stream_that_never_ends_holds_the_answer_only_if_it_may_be_its(left_s, texts, flow):
    traffic = Traffic()
    if left_s == 0.0:
        body(traffic, "news", "GET /news", 0.0, is_over=False, media_type=SSE)
    body(traffic, "ask", "POST /ask", 1.0)
    traffic.text_grew(1.2)
    if left_s:
        body(traffic, "news", "GET /news", left_s, is_over=False, media_type=SSE)
    for _ in range(texts):
        traffic.data_came("news", 6.0)
        traffic.text_grew(6.1)

    assert traffic.flow(1.2, 7.0) is flow


def test_text_that_shows_long_after_data_came_is_not_its():
    traffic = Traffic()
    poll(traffic, 1.0)
    body(traffic, "late", "GET /poll", 3.0)

    before = traffic.flow(1.15, 3.2)
    alone = Traffic()
    body(alone, "1", "GET /poll", 1.0)
    body(alone, "2", "GET /poll", 2.0)
    alone.text_grew(9.0)

    assert (before, alone.flow(9.0, 9.1)) == (Flow.POLLING, Flow.UNKNOWN)


@pytest.mark.parametrize(
    ("statuses", "status"), [((500,), 500), ((429, 503), 503), ((429, 200), None), ((), None), ((200,), None)]
)
def test_a_turn_failed_when_every_response_of_it_did(statuses, status):
    traffic = Traffic()
    for number, one in enumerate(statuses):
        traffic.request_left(str(number))
        traffic.response_began(str(number), "text/html", one)

    assert traffic.failed_status() == status


def test_a_turn_whose_answer_may_come_by_a_socket_did_not_fail_with_its_requests():
    traffic = Traffic()
    traffic.request_left("1")
    traffic.response_began("1", "text/html", 404)
    traffic.message_came()

    assert traffic.failed_status() is None
