from __future__ import annotations

import pytest

from backend.security.secret_files import load_or_create_secret


def test_a_secret_is_made_once_and_only_its_user_reads_it(tmp_path):
    path = tmp_path / "new" / "key"

    first, is_new = load_or_create_secret(path, "sk-")
    second, is_new_again = load_or_create_secret(path, "sk-")

    assert first == second
    assert first.startswith("sk-")
    assert len(first) >= 43
    assert (is_new, is_new_again) == (True, False)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_an_empty_secret_is_not_used(tmp_path):
    (tmp_path / "key").write_text("\n")

    with pytest.raises(ValueError, match="empty"):
        load_or_create_secret(tmp_path / "key")
