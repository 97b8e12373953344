"""Workers: take a key, reconcile it under a deadline, map the error, count and log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from time import perf_counter

from torpor.api.observed import Key, Kind
from torpor.cluster.port import ClusterPort
from torpor.errors import RetryError, TerminalError
from torpor.metrics import QUEUE_DEPTH, RECONCILE_ERRORS, RECONCILE_SECONDS, RECONCILES
from torpor.watch.cache import Cache
from torpor.watch.queue import WorkQueue

log = logging.getLogger(__name__)

_DEADLINE_SECONDS = 60
_RECHECK_SECONDS = 60
_ids = count(1)

Reconcile = Callable[[Key], Awaitable[timedelta | None]]


async def work(queue: WorkQueue, reconcile: Reconcile) -> None:
    """Reconcile keys until the queue is closed."""
    while (key := await queue.get()) is not None:
        started = perf_counter()
        fields = {"model": f"{key.namespace}/{key.name}", "reconcile": next(_ids)}
        try:
            async with asyncio.timeout(_DEADLINE_SECONDS):
                wake = await reconcile(key)
            queue.forget(key)
            if wake is not None:
                queue.add_after(key, wake.total_seconds())
            RECONCILES.labels(result="ok").inc()
            log.debug("reconciled", extra=fields)
        except TerminalError as error:
            # Rights and foreign objects change without an event of ours: look again, slowly.
            queue.add_after(key, _RECHECK_SECONDS)
            _count("terminal", error.reason)
            log.warning("%s: %s", error.reason, error.message, extra=fields)
        except RetryError as error:
            if error.after_seconds is None:
                queue.back_off(key)
            else:
                queue.add_after(key, error.after_seconds)
            _count("retry", error.reason)
            log.info("%s: %s", error.reason, error.message, extra=fields)
        except Exception:
            queue.back_off(key)
            _count("error", "InternalError")
            log.exception("reconcile failed", extra=fields)
        finally:
            queue.done(key)
            RECONCILE_SECONDS.observe(perf_counter() - started)
            QUEUE_DEPTH.set(len(queue))


async def relist(cluster: ClusterPort, cache: Cache, queue: WorkQueue) -> None:
    """List everything that is watched; what differs from the cache is reconciled."""
    for kind in (Kind.CRD, Kind.POD, Kind.REVISION, Kind.SERVICE, Kind.MODEL):
        for key in cache.replace(kind, await cluster.list_all(kind) or ()):
            queue.add(key)


def _count(result: str, reason: str) -> None:
    RECONCILES.labels(result=result).inc()
    RECONCILE_ERRORS.labels(reason=reason).inc()
