"""Only addresses of the public internet count as such, however they are written."""

import pytest

from backend.security.addresses import is_public_address

PUBLIC = [
    "8.8.8.8",
    "1.1.1.1",
    "2606:4700::1111",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
    "2002:808:808::1",
    "168.63.129.15",
    "191.255.255.255",
    "192.0.1.0",
    "198.17.255.255",
    "223.255.255.255",
    "2a00:1450::1",
    "2001:200::1",
    "2001:4860:4860::8888",
]
NOT_PUBLIC = [
    "0.0.0.0",
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "127.255.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.1",
    "192.0.0.9",
    "192.0.0.10",
    "192.0.0.192",
    "192.0.0.255",
    "192.31.196.1",
    "192.175.48.1",
    "198.51.100.1",
    "203.0.113.1",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "224.0.0.251",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:1::1",
    "2001:20::1",
    "2001:1ff:ffff::1",
    "3fff::1",
    "4000::1",
    "5f00::1",
    "1::1",
    "fd00:ec2::254",
    "::ffff:168.63.129.16",
    "64:ff9b::a83f:8110",
    "2002:a83f:8110::1",
    "::ffff:192.0.0.192",
    "64:ff9b::c000:c0",
    "2002:c000:c0::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:c0a8:101::1",
    "fc00::1",
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]
NO_ADDRESSES = [
    "",
    "localhost",
    "127.1",
    "2130706433",
    "0x7f000001",
    "0177.0.0.1",
    "127.0.0.1 ",
    "1.1.1.1.",
    "[::1]",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_a_public_address_is_one(address):
    assert is_public_address(address)


@pytest.mark.parametrize("address", [*NOT_PUBLIC, *NO_ADDRESSES])
def test_anything_else_is_none(address):
    assert not is_public_address(address)


@pytest.mark.parametrize("last", range(256))
def test_no_address_of_the_protocol_assignments_is_public_however_it_is_wrapped(last):
    forms = (
        f"192.0.0.{last}",
        f"::ffff:192.0.0.{last}",
        f"::ffff:c000:{last:x}",
        f"64:ff9b::192.0.0.{last}",
        f"2002:c000:{last:x}::",
        f"2002:c000:{last:x}:1:2:3:4:5",
    )

    assert [form for form in forms if is_public_address(form)] == []


@pytest.mark.parametrize("attribute", ["is_global", "is_private", "is_reserved", "is_multicast"])
def test_the_verdict_does_not_depend_on_what_this_python_thinks_of_an_address(monkeypatch, attribute):
    for kind in ("IPv4Address", "IPv6Address"):
        monkeypatch.setattr(f"ipaddress.{kind}.{attribute}", property(lambda _: True))

    assert [address for address in PUBLIC if not is_public_address(address)] == []
    assert [address for address in NOT_PUBLIC if is_public_address(address)] == []
