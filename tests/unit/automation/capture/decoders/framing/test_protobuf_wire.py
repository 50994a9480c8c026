"""Protocol Buffers' wire format, against the specification's own examples."""

import pytest

from automation.capture.decoders.framing.protobuf_wire import ProtoMessage
from automation.capture.decoders.protocol import StreamFormatError
from tests.fakes.protobuf_writer import write
from tests.recordings.replay import lines, payload


def test_the_specification_s_examples_are_read():
    number = ProtoMessage(bytes.fromhex("089601"))
    text = ProtoMessage(bytes.fromhex("120774657374696e67"))
    packed = ProtoMessage(bytes.fromhex("3206038e029ea705"))

    assert number.number(1) == 150
    assert text.text(2) == "testing"
    assert packed.numbers(6) == (3, 270, 86942)


def test_what_was_not_written_reads_as_empty():
    message = ProtoMessage(b"")

    read = (
        message.number(1),
        message.flag(1),
        message.text(1),
        message.data(1),
        message.numbers(1),
        message.messages(1),
    )

    assert read == (0, False, "", b"", (), [])
    assert message.message(1).number(1) == 0
    assert 1 not in message


def test_the_last_of_several_values_counts_and_all_can_be_read():
    message = ProtoMessage(write((1, 5), (1, 6), (2, write((1, 7))), (2, write((1, 8))), (1, "x")))

    read = message.data(1), message.numbers(1), message.message(2).number(1)

    assert read == (b"x", (5, 6, 120), 8)
    assert [inner.number(1) for inner in message.messages(2)] == [7, 8]
    assert 2 in message


def test_a_field_of_another_type_reads_as_empty():
    message = ProtoMessage(write((1, "text"), (2, 3)))

    read = message.number(1), message.data(2), message.messages(2)

    assert read == (0, b"", [])


def test_fixed_size_fields_are_passed_over():
    message = ProtoMessage(
        bytes([1 << 3 | 1]) + b"8 bytes!" + bytes([2 << 3 | 5]) + b"four" + write((3, "x"))
    )

    assert message.text(3) == "x"
    assert message.data(1) == b"8 bytes!"


@pytest.mark.parametrize(
    "data",
    [b"\x08", b"\x08\x80", b"\x08" + b"\xff" * 10, b"\x0a\x05abc", b"\x09abc", b"\x0b", b"\x0f\x00"],
    ids=["no value", "cut number", "long number", "cut text", "cut fixed", "group", "type 7"],
)
def test_a_malformed_message_is_refused(data):
    with pytest.raises(StreamFormatError):
        ProtoMessage(data)


def test_text_that_is_not_utf_8_is_refused():
    message = ProtoMessage(write((1, b"\xff")))

    with pytest.raises(StreamFormatError, match="field 1 is not UTF-8"):
        message.text(1)


def test_a_packed_run_that_ends_inside_a_number_is_refused():
    message = ProtoMessage(write((1, b"\x01\x80")))

    with pytest.raises(StreamFormatError):
        message.numbers(1)


def test_a_recorded_frame_cut_anywhere_is_read_in_part_or_refused():
    frames = [payload(line) for line in lines("streamlit/plain") if line["kind"] == "received"]

    refused = 0
    for frame in frames:
        assert isinstance(frame, bytes)
        for end in range(len(frame)):
            try:
                ProtoMessage(frame[:end])
            except StreamFormatError:
                refused += 1

    assert refused > sum(map(len, frames)) * 0.9
