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
