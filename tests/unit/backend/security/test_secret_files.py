from __future__ import annotations

import pytest

from backend.security.secret_files import load_or_create_secret, make_private


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


def test_a_folder_that_others_use_as_well_keeps_its_mode_and_what_is_ours_in_it_does_not(
    tmp_path, monkeypatch
):
    shared, home = tmp_path / "shared", tmp_path / "home"
    for folder in (shared, home):
        folder.mkdir()
        (folder / "secret_key").touch()
        (folder / "secret_key").chmod(0o644)
        (folder / "somebodys").touch()
        (folder / "somebodys").chmod(0o644)
    shared.chmod(0o1777)
    home.chmod(0o755)
    monkeypatch.setattr("pathlib.Path.home", lambda: home)

    for folder in (shared, home):
        make_private(folder)

    assert (shared.stat().st_mode & 0o7777, home.stat().st_mode & 0o7777) == (0o1777, 0o755)
    for folder in (shared, home):
        assert (folder / "secret_key").stat().st_mode & 0o777 == 0o600
        assert (folder / "somebodys").stat().st_mode & 0o777 == 0o644
