"""A work queue with client-go's semantics: one key is worked on once at a time, and many adds become one."""

from __future__ import annotations

import asyncio
from collections import deque

from torpor.api.observed import Key

_BASE_SECONDS = 0.5
_CAP_SECONDS = 120.0


class WorkQueue:
    """Keys to reconcile, deduplicated, with delays and back-off per key."""

    def __init__(self) -> None:
        self._order: deque[Key] = deque()
        self._dirty: set[Key] = set()
        self._processing: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._closed = False
        self._ready = asyncio.Event()

    def __len__(self) -> int:
        """Keys that wait."""
        return len(self._order)

    def add(self, key: Key) -> None:
        """Ask for a reconcile as soon as possible."""
        self._cancel(key)
        if key in self._dirty:
            return
        self._dirty.add(key)
        if key not in self._processing:
            self._order.append(key)
            self._ready.set()

    def add_after(self, key: Key, delay_seconds: float) -> None:
        """Ask for a reconcile later; an earlier wake-up replaces a later one."""
        loop = asyncio.get_running_loop()
        when = loop.time() + delay_seconds
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= when:
            return
        self._cancel(key)
        self._timers[key] = loop.call_at(when, self.add, key)

    def back_off(self, key: Key) -> None:
        """Ask for a reconcile after a delay that doubles with each failure in a row."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(_CAP_SECONDS, _BASE_SECONDS * 2**failures))

    def forget(self, key: Key) -> None:
        """Start the back-off of a key anew."""
        self._failures.pop(key, None)

    async def get(self) -> Key | None:
        """Wait for a key; None once the queue is closed."""
        while not self._closed:
            if self._order:
                key = self._order.popleft()
                self._dirty.discard(key)
                self._processing.add(key)
                return key
            self._ready.clear()
            await self._ready.wait()
        self._ready.set()
        return None

    def done(self, key: Key) -> None:
        """Say that a key is worked on no longer."""
        self._processing.discard(key)
        if key in self._dirty:
            self._order.append(key)
            self._ready.set()

    def close(self) -> None:
        """Give no more keys; what is being worked on ends by itself."""
        self._closed = True
        self._ready.set()
        for timer in self._timers.values():
            timer.cancel()

    def _cancel(self, key: Key) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
