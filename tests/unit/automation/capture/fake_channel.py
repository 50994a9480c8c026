"""A DevTools target in memory: it answers as told, notes what was sent, and tells events when asked to."""

from collections import defaultdict

import anyio


class FakeChannel:
    """Answers each method with what ``replies`` holds for it, an error if that is one, once its gate is open."""

    def __init__(self, target_id=""):
        self.target_id = target_id
        self.sent = []
        self.replies = {}
        self.gates = {}
        self._listeners = defaultdict(list)

    def on(self, event, listener):
        self._listeners[event].append(listener)

    async def send(self, method, params=None, timeout_s=5.0):
        self.sent.append((method, params or {}))
        await self.gates.setdefault(method, opened()).wait()
        reply = self.replies.get(method, {})
        if isinstance(reply, Exception):
            raise reply
        return reply

    def hold(self, method):
        """Let calls of this method wait until the event that is returned is set."""
        self.gates[method] = anyio.Event()
        return self.gates[method]

    def tell(self, event, **params):
        """Tell an event to those who listen."""
        for listener in self._listeners[event]:
            listener(params)

    def methods(self):
        """What was sent, by name."""
        return [method for method, _ in self.sent]


def opened():
    gate = anyio.Event()
    gate.set()
    return gate
