"""Wiring: the one place that constructs clients, reads the clock and owns the process."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

import kopf
import uvicorn
from kubernetes.aio import client as kubernetes_client
from kubernetes.aio import config as kubernetes_config
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pythonjsonlogger.json import JsonFormatter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from torpor.cluster.client import ClusterClient
from torpor.controllers.serverlessmodel import ServerlessModelController
from torpor.metrics import MODELS, REGISTRY
from torpor.settings import Settings
from torpor.watch.cache import Cache
from torpor.watch.handlers import make_registry, make_settings
from torpor.watch.queue import WorkQueue
from torpor.watch.worker import relist, work

log = logging.getLogger("torpor")

_RELIST_SECONDS = 600
_DRAIN_SECONDS = 5


class _Server(uvicorn.Server):
    """uvicorn without signal handlers: Kopf owns them."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def run(settings: Settings) -> None:
    """Run the operator until SIGTERM or SIGINT."""
    _set_up_logging(settings.log_level)
    asyncio.run(_run(settings))


async def _run(settings: Settings) -> None:
    config: Any = kubernetes_config  # not typed
    try:
        config.load_incluster_config()
    except kubernetes_config.ConfigException:
        await config.load_kube_config()
    async with kubernetes_client.ApiClient() as api:
        cluster = ClusterClient(api)
        cache = Cache()
        queue = WorkQueue()
        controller = ServerlessModelController(
            cache=cache,
            cluster=cluster,
            runtime_image=settings.runtime_image,
            clock=lambda: datetime.now(UTC),
        )
        is_ready = asyncio.Event()
        server = _Server(uvicorn.Config(_make_app(cache, is_ready), port=settings.port, host="", log_config=None))
        serving = asyncio.create_task(server.serve())
        # The cache is whole before the first decision: an object not yet listed must not read as absent.
        await relist(cluster, cache, queue)
        is_ready.set()
        workers = [asyncio.create_task(work(queue, controller.reconcile)) for _ in range(settings.workers)]
        relisting = asyncio.create_task(_relist_for_ever(cluster, cache, queue))
        log.info("started")
        try:
            await kopf.operator(
                registry=make_registry(cache, queue),
                settings=make_settings(),
                standalone=True,
                clusterwide=True,
            )
        finally:
            log.info("stopping")
            is_ready.clear()
            relisting.cancel()
            queue.close()
            _, unfinished = await asyncio.wait(workers, timeout=_DRAIN_SECONDS)
            for task in unfinished:
                task.cancel()
            server.should_exit = True
            await serving


async def _relist_for_ever(cluster: ClusterClient, cache: Cache, queue: WorkQueue) -> None:
    while True:
        await asyncio.sleep(_RELIST_SECONDS)
        try:
            await relist(cluster, cache, queue)
        except Exception:
            log.exception("relist failed; the watches go on")


def _make_app(cache: Cache, is_ready: asyncio.Event) -> Starlette:
    def healthz(_: Request) -> Response:
        return PlainTextResponse("ok")

    def readyz(_: Request) -> Response:
        ready = is_ready.is_set()
        return PlainTextResponse("ok" if ready else "cache not filled yet", 200 if ready else 503)

    def metrics(_: Request) -> Response:
        MODELS.clear()
        for state, number in cache.states().items():
            MODELS.labels(state=state).set(number)
        return Response(generate_latest(REGISTRY), media_type=CONTENT_TYPE_LATEST)

    routes = [Route("/healthz", healthz), Route("/readyz", readyz), Route("/metrics", metrics)]
    return Starlette(routes=routes)


def _set_up_logging(level: str) -> None:
    handler = logging.StreamHandler()
    fields: Any = "%(asctime)s %(levelname)s %(name)s %(message)s"
    handler.setFormatter(JsonFormatter(fields, rename_fields={"asctime": "time", "levelname": "level"}))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    logging.getLogger("kopf").setLevel(logging.WARNING)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
