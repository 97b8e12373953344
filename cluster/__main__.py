"""The commands. ``python -m cluster --help`` lists them."""

from __future__ import annotations

import errno
import json
import os
import signal
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from cluster import build as building
from cluster import golang, lifecycle, logs
from cluster import images as project_images
from cluster.commands import cancel
from cluster.console import Steps
from cluster.errors import ClusterError
from cluster.kube import NO_PROXY
from cluster.settings import TIERS, Settings, Tier, load_settings, python_tool
from cluster.status import describe, make_status

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS_WIDTH = 17
NOT_UP = 3
INTERRUPTED = "interrupted: `up` starts again, `down` removes what has started"

tier_option = click.option(
    "--tier",
    type=click.Choice(TIERS),
    default="full",
    show_default=True,
    help="full: a node, pods, ingress, registry and S3 store. api: the API server, and Knative's webhook and"
    " controller. They are two clusters, and both may run.",
)


def interruptible(task: Callable[[], Any]) -> Any:
    """Run `task` in another thread, so that ctrl-C never falls between a program's start and its record."""
    outcome: list[Any] = []
    failure: list[BaseException] = []

    def work() -> None:
        try:
            outcome.append(task())
        except BaseException as error:  # noqa: BLE001  raised again in the main thread
            failure.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        thread.join()
    except KeyboardInterrupt:
        cancel()
        thread.join()
        raise
    if failure:
        raise failure[0]
    return outcome[0]


def show_status(settings: Settings) -> bool:
    """Print what runs and how to reach it, and say whether all of it does."""
    status = make_status(settings)
    for name, value in describe(status):
        print(f"{name:<{STATUS_WIDTH}}{value}")
    return status["running"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def cli() -> None:
    """Run a real one-node Kubernetes cluster with Knative on this machine, made from package registries.

    Needs root on Debian 12. Name, folders and ports can be set: TORPOR_CLUSTER_NAME, _RUN, _DATA, _API_PORT,
    _INGRESS_PORT, _S3_PORT, _REGISTRY_PORT.
    """


@cli.command()
@tier_option
def up(tier: Tier) -> None:
    """Bring the cluster up.

    The first time everything is built, which takes about 15 minutes.
    """
    settings = load_settings(tier)
    with Steps() as steps:
        started = interruptible(lambda: lifecycle.up(settings, steps))
        steps.say(f"Up in {steps.elapsed_seconds:.1f} s" if started else "Already up")
    show_status(settings)


@cli.command()
@tier_option
def down(tier: Tier) -> None:
    """Remove the cluster and all that it changed.

    What was built and pushed stays, so that the next `up` is quick.
    """
    settings = load_settings(tier)
    with Steps() as steps:
        removed = interruptible(lambda: lifecycle.down(settings))
        steps.say(f"Down in {steps.elapsed_seconds:.1f} s" if removed else f"{settings.name} was not up")


@cli.command()
@tier_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, for programs.")
def status(tier: Tier, *, as_json: bool) -> None:
    """Show what runs and how to reach it.

    Without --json the exit code is 3 when the cluster is not up.
    """
    settings = load_settings(tier)
    if as_json:
        print(json.dumps(make_status(settings), indent=2))
    elif not show_status(settings):
        sys.exit(NOT_UP)


@cli.command(name="logs")
@tier_option
@click.argument("name", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is added.")
@click.option("-n", "--lines", type=click.IntRange(min=0), help="How many of the last lines to show.")
def show_logs(tier: Tier, name: str | None, lines: int | None, *, follow: bool) -> None:
    """Show one program's log, or the end of all."""
    settings = load_settings(tier)
    if name is None:
        for each in logs.log_names(settings):
            print(f"== {each}")
            print("\n".join(logs.last_lines(logs.find_log(settings, each), 3 if lines is None else lines)))
        return
    path = logs.find_log(settings, name)
    print("\n".join(logs.last_lines(path, 50 if lines is None else lines)))
    if follow:
        for line in logs.follow(path):
            print(line, flush=True)


# All that follows kubectl's first word is its own, `--` included.
@cli.command(
    context_settings={
        "ignore_unknown_options": True,
        "allow_interspersed_args": False,
        "help_option_names": [],
    }
)
@click.option("--tier", type=click.Choice(TIERS), default="full")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def kubectl(tier: Tier, words: tuple[str, ...]) -> None:
    """Run kubectl as administrator.

    For example `kubectl get pods -A`, and in the other cluster `kubectl --tier api get pods -A`.
    """
    settings = load_settings(tier)
    program = python_tool("kubectl")
    os.execve(program, ["kubectl", *words], {**os.environ, **NO_PROXY, "KUBECONFIG": str(settings.kubeconfig)})


@cli.command()
@tier_option
@click.argument("extra", nargs=-1, type=click.Choice([program.name for program in golang.OPTIONAL_PROGRAMS]))
def build(tier: Tier, extra: tuple[str, ...]) -> None:
    """Build what `up` needs, and start nothing.

    EXTRA adds programs that only a benchmark needs, and prints where they are.
    """
    settings = load_settings(tier)
    programs = [program for program in golang.OPTIONAL_PROGRAMS if program.name in extra]
    with Steps() as steps:
        made = interruptible(lambda: building.build_missing(settings, steps, programs))
        steps.say(f"Built {made} things in {steps.elapsed_seconds:.1f} s" if made else "Everything is built")
    for program in programs:
        print(f"{program.name}: {program.path(settings.cache)}")


@cli.command()
def images() -> None:
    """Build and push the project's images.

    Only those whose content changed since they were last pushed.
    """
    settings = load_settings("full")
    with Steps() as steps:
        pushed = interruptible(lambda: project_images.push_project_images(settings, steps))
    for name, record in pushed.items():
        print(project_images.describe_image(name, record))


@cli.command(name="load-image")
@click.argument("sources", nargs=-1, metavar="[ARCHIVE|IMAGE]...")
@click.option(
    "--file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Build this Containerfile."
)
@click.option(
    "--context",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="What the Containerfile copies from; its own folder by default.",
)
@click.option("--tag", metavar="NAME[:TAG]", help="The name in the registry; by default the image's.")
def load_image(sources: tuple[str, ...], file: Path | None, context: Path | None, tag: str | None) -> None:
    """Push images into the registry.

    Prints their names in the cluster. With --file an image is built first.

    A Containerfile gets the local Python base images as its build arguments BASE and (with pip) BUILD_BASE.
    """
    settings = load_settings("full")
    if bool(file) == bool(sources):
        raise click.UsageError("name archives or images, or build one with --file")
    if file and not tag:
        raise click.UsageError("--file needs --tag")
    with Steps() as steps:
        if file and tag:
            built, folder, name = file, context or file.parent, tag
            pushed = [interruptible(lambda: project_images.build_image(settings, built, folder, name, steps))]
        else:
            pushed = interruptible(lambda: project_images.load_images(settings, list(sources), tag, steps))
    for each in pushed:
        print(each.reference)


def main() -> None:
    """Run one command; what the user can act on is shown as one line."""
    # A job runner ends us with SIGTERM: the same as ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        cli(standalone_mode=False)
    except ClusterError as error:
        sys.exit(f"error: {error}")
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        sys.exit(f"error: the disk is full ({error.filename}): free some space and run the command again")
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        sys.exit(INTERRUPTED)


if __name__ == "__main__":
    main()
