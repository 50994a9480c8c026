"""Who asks, and which models they may ask for."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, replace

import pytest

from backend.identity.principal import ADMINISTRATOR, LOCAL_ADMINISTRATOR, Principal, PrincipalKind, Role

ADA = Principal("ada", PrincipalKind.PERSON, Role.USER)


@pytest.mark.parametrize(
    ("allowed", "model", "is_allowed"),
    [
        ((), "anything/at-all", True),
        (("demo",), "demo", True),
        (("demo",), "demo/large", False),
        (("demo",), "Demo", False),
        (("demo/*",), "demo/large", True),
        (("demo/*",), "demo", False),
        (("demo*",), "demo", True),
        (("demo/*",), "demo/openai/gpt-4", True),
        (("*",), "demo/large", True),
        (("gpt-?",), "gpt-4", True),
        (("gpt-?",), "gpt-4o", False),
        (("gpt-[45]",), "gpt-5", True),
        (("other", "gpt-4"), "gpt-4", True),
        (("gpt-4",), "", False),
    ],
)
def test_models_are_allowed_by_name_or_glob_and_all_of_them_without_a_list(allowed, model, is_allowed):
    assert replace(ADA, allowed_models=allowed).allows(model) is is_allowed


def test_a_model_is_allowed_by_any_of_its_names():
    ada = replace(ADA, allowed_models=("gpt-4",))

    assert ada.allows_any(["demo/gpt-4", "gpt-4"])
    assert not ada.allows_any(["demo/gpt-4"])


def test_the_built_in_administrators_are_stored_as_they_always_were():
    stored = {who: (who.id, who.conversation_owner) for who in (LOCAL_ADMINISTRATOR, ADMINISTRATOR, ADA)}

    assert stored == {LOCAL_ADMINISTRATOR: ("", ""), ADMINISTRATOR: ("admin", ""), ADA: ("ada", "ada")}


@pytest.mark.parametrize(("role", "seen"), [(Role.ADMIN, None), (Role.OPERATOR, "ada"), (Role.USER, "ada")])
def test_only_administrators_see_what_is_somebody_elses(role, seen):
    assert replace(ADA, role=role).visible_owner == seen


def test_a_principal_can_not_be_changed_by_what_it_passes():
    with pytest.raises(FrozenInstanceError):
        ADA.role = Role.ADMIN  # type: ignore[misc]
