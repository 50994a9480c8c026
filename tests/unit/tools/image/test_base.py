"""The stand-in for the base image takes from this machine how an index is reached, and nothing that lies on its disk."""

import configparser

import pytest

from tools.image.base import find_base, find_certificates, format_pip_settings, read_dockerfile
from tools.image.commands import ImageTestError


def settings_of(listed):
    written = configparser.ConfigParser()
    written.read_string(format_pip_settings(listed))
    return dict(written["global"])


@pytest.mark.parametrize(
    ("dockerfile", "base"),
    [
        ("# FROM nothing\nFROM python:3.12\n", "python:3.12"),
        ("ARG X\nFROM  registry.example/a:1 AS build\nFROM b\n", "registry.example/a:1"),
    ],
)
def test_the_base_is_what_the_dockerfile_names_first(dockerfile, base):
    assert find_base(dockerfile) == base


def test_the_projects_base_names_its_registry_so_that_no_engine_has_to_ask_for_it():
    assert find_base(read_dockerfile()).startswith("docker.io/library/python:3.11")


def test_a_dockerfile_without_a_base_is_refused():
    with pytest.raises(ImageTestError):
        find_base("RUN true\n")


def test_what_says_how_an_index_is_reached_is_kept():
    listed = "global.index-url='https://index.example/simple'\nglobal.trusted-host='a.example\\nb.example'"

    assert settings_of(listed) == {
        "cert": "/etc/ssl/certs/ca-certificates.crt",
        "index-url": "https://index.example/simple",
        "trusted-host": "a.example b.example",
    }


def test_the_environment_goes_before_files_as_it_does_in_pip():
    listed = ":env:.index-url='https://mine.example/'\nglobal.index-url='https://theirs.example/'"

    assert settings_of(listed)["index-url"] == "https://mine.example/"


@pytest.mark.parametrize(
    "listed",
    [
        "global.find-links='/opt/wheels'",
        "global.constraint='/etc/pins.txt'",
        "global.extra-index-url='file:///opt/index/simple'",
        "global.cert='/home/someone/bundle.pem'",
        "",
    ],
)
def test_what_lies_on_this_machines_disk_is_left_out(listed):
    assert settings_of(listed) == {"cert": "/etc/ssl/certs/ca-certificates.crt"}


def test_of_several_indexes_those_on_the_network_are_kept():
    listed = "global.extra-index-url='file:///opt/index https://more.example/simple'"

    assert settings_of(listed)["extra-index-url"] == "https://more.example/simple"


def test_the_environments_certificates_go_before_the_systems(tmp_path):
    bundle = tmp_path / "bundle.pem"
    bundle.write_bytes(b"mine")

    assert find_certificates({"SSL_CERT_FILE": str(bundle)}) == b"mine"
    assert find_certificates({"SSL_CERT_FILE": str(tmp_path / "gone.pem")}) != b"mine"
