from __future__ import annotations

from datetime import UTC, datetime

from automation.errors import SiteChangedError
from backend.endpoints.endpoint import Endpoint
from backend.endpoints.screenshots import ScreenshotFolder
from backend.endpoints.states import Move
from backend.providers.protocol import ProviderTraits
from tests.unit.backend.persistence.test_repositories import FULL


def test_only_the_newest_pictures_are_kept(tmp_path):
    folder = ScreenshotFolder(tmp_path / "screenshots", most=2)

    saved = [folder.save("demo", bytes([n])) for n in range(4)]

    assert sorted((tmp_path / "screenshots").iterdir()) == sorted(saved[2:])
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in saved[2:])


def test_a_picture_that_cannot_be_kept_does_not_hide_the_failure(tmp_path, caplog):
    (tmp_path / "file").write_text("")
    endpoint = Endpoint(FULL, datetime.now(UTC), ScreenshotFolder(tmp_path / "file"), ProviderTraits())
    endpoint.board.move(Move.START)
    endpoint.board.move(Move.OPENED)

    assert endpoint.note_failure(SiteChangedError("send", "sending", b"png"))

    assert endpoint.state == "error"
    assert "screenshot_not_saved" in caplog.text
