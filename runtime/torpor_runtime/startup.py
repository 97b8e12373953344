"""The start, in the order that serves soonest: import, fetch, load, warm up."""

from torpor_runtime import journal
from torpor_runtime.failures import ModelServerError, Reason
from torpor_runtime.protocol.endpoint_port import Endpoint
from torpor_runtime.settings import Settings
from torpor_runtime.timeline import Timeline


def start_model(settings: Settings, timeline: Timeline) -> Endpoint:
    """Bring up the model; blocks, and runs in a thread while the server already listens.

    Raises
    ------
    ModelServerError
        It can never be served; any unforeseen error comes as ModelLoadFailed.
    """
    try:
        endpoint = _run_phases(settings, timeline)
    except ModelServerError:
        raise
    except Exception as error:
        raise ModelServerError(Reason.ModelLoadFailed, f"{type(error).__name__}: {error}") from error
    timeline.finish()
    journal.write("ready", model=settings.name, **timeline.document())
    return endpoint


def _run_phases(settings: Settings, timeline: Timeline) -> Endpoint:
    # numpy and the frameworks may be imported only here, after the server listens.
    with timeline.phase("import"):
        from torpor_runtime.models.discovery import find_model_file  # noqa: PLC0415
        from torpor_runtime.models.registry import import_loader  # noqa: PLC0415
        from torpor_runtime.models.warmup import warm_up  # noqa: PLC0415
        from torpor_runtime.protocol.endpoint import ModelEndpoint  # noqa: PLC0415

        loader = import_loader(settings.format)
    _log(timeline, "import")
    with timeline.phase("fetch"):
        from torpor_runtime.storage.fetch import fetch_model  # noqa: PLC0415

        path = find_model_file(fetch_model(settings), settings.format)
    _log(timeline, "fetch")
    with timeline.phase("load"):
        model = loader.load_model(path, settings)
    _log(timeline, "load")
    if settings.warm_up:
        with timeline.phase("warmup"):
            warm_up(model)
        _log(timeline, "warmup")
    return ModelEndpoint(settings.name, settings.version, model)


def _log(timeline: Timeline, phase: str) -> None:
    journal.write("phase", phase=phase, seconds=round(timeline.seconds(phase) or 0, 4))
