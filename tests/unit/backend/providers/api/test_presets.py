"""What a preset names exists, and what exists is named."""

from typing import get_args

from backend.providers.api import opener
from backend.providers.api.presets import PRESETS, DialectName, PresetName


def test_what_an_endpoint_may_name_as_its_preset_is_what_there_is():
    assert set(PRESETS) == set(get_args(PresetName)), (
        "PRESETS and PresetName in presets.py name the same presets"
    )


def test_every_dialect_can_be_built():
    # Codegen's runs are polled by a provider of their own.
    built = {*opener._DIALECTS, "codegen"}

    assert built == set(get_args(DialectName)), (
        "add the dialect to _DIALECTS in opener.py and to DialectName in presets.py"
    )
