"""Human-like pointer paths, click points and typing pauses, from a given source of chance. Pure.

Shapes after what was measured of people and of drivers (docs/browser.md): a driver alone makes one move to the dead centre
and presses for less than a millisecond.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from random import Random
from typing import Literal

HumanInput = Literal["off", "paste", "typed"]

# Nobody types longer prompts than this in full; they are pasted.
TYPED_CHARACTERS = 500

_MOVES = (30, 50)
_MOVE_S = (0.006, 0.018)
_PRESS_S = (0.08, 0.14)
_HOLD_S = (0.05, 0.1)
_KEY_GAP_MEDIAN_S = 0.06
_KEY_GAP_SIGMA = 0.45
_MOST_KEY_GAP_S = 0.6
# How far from the middle a click may be, as a part of the element's size: well inside also where its corners are round.
_OFF_CENTRE = 0.2
_BEND = 0.25
_SHIFTED = frozenset('ABCDEFGHIJKLMNOPQRSTUVWXYZ~!@#$%^&*()_+{}|:"<>?')


@dataclass(frozen=True, slots=True)
class Point:
    """A place in the page, in CSS pixels."""

    x: float
    y: float


class HumanMotion:
    """Random source of human-like pointer and key timings; the same chance gives the same movements."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def aim(self, middle: Point, width: float, height: float) -> Point:
        """Return where in an element of that size a click goes: near its middle and hardly ever in it."""
        return Point(
            middle.x + self._between(-_OFF_CENTRE, _OFF_CENTRE) * width,
            middle.y + self._between(-_OFF_CENTRE, _OFF_CENTRE) * height,
        )

    def path(self, start: Point, end: Point) -> list[Point]:
        """Return 30 to 50 points of a bent way from ``start``, which is left out, to ``end``, which is the last.

        The hand sets off and arrives slowly: the points are close to each other at both ends.
        """
        count = self._chance.randint(*_MOVES)
        first, second = self._beside(start, end, 1 / 3), self._beside(start, end, 2 / 3)
        on_the_way = [_bezier(start, first, second, end, _eased(i / count)) for i in range(1, count)]
        return [*on_the_way, end]

    def _beside(self, start: Point, end: Point, part: float) -> Point:
        """Return a point off the straight line, by up to a quarter of its length."""
        bend = self._between(-_BEND, _BEND)
        across, along = end.x - start.x, end.y - start.y
        return Point(start.x + across * part - along * bend, start.y + along * part + across * bend)

    def move_s(self) -> float:
        """Return the seconds from one point of a path to the next."""
        return self._between(*_MOVE_S)

    def press_s(self) -> float:
        """Return for how many seconds the mouse's button is down."""
        return self._between(*_PRESS_S)

    def hold_s(self) -> float:
        """Return for how many seconds a key is down."""
        return self._between(*_HOLD_S)

    def key_gap_s(self) -> float:
        """Return the seconds between two keys: log-normal, mostly short and now and then long."""
        gap = self._chance.lognormvariate(math.log(_KEY_GAP_MEDIAN_S), _KEY_GAP_SIGMA)
        return min(gap, _MOST_KEY_GAP_S)

    def _between(self, least: float, most: float) -> float:
        return self._chance.uniform(least, most)


def key_for(character: str) -> str | None:
    """Return the key, with Shift where it needs that, or None for a character that is on no key of an English board."""
    if character in _SHIFTED:
        return f"Shift+{character}"
    return character if " " <= character <= "~" else None


def _bezier(start: Point, first: Point, second: Point, end: Point, t: float) -> Point:
    u = 1 - t
    weights = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
    points = (start, first, second, end)
    return Point(
        sum(w * p.x for w, p in zip(weights, points, strict=True)),
        sum(w * p.y for w, p in zip(weights, points, strict=True)),
    )


def _eased(t: float) -> float:
    return t * t * (3 - 2 * t)
