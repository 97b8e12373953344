"""`make demo`: cluster, operator, a real model; shows it asleep, waking, answering, asleep again."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import Any

from rich.console import Console
from rich.table import Table

from demo.local import ROOT, Platform, bring_up, make_infer_request


def main() -> int:
    """Run the demo; 1 when a prediction differs from scikit-learn's."""
    console = Console(soft_wrap=True)
    started = perf_counter()
    bring_up()
    platform = Platform()

    def say(text: str) -> None:
        console.print(f"[bold cyan]{perf_counter() - started:6.1f} s[/]  {text}")

    say("installing the operator: kubectl apply -k manifests/base, with the images just built")
    platform.install()
    say("training a classifier on scikit-learn's breast-cancer data, exporting ONNX")
    holdout = _train(platform)
    platform.make_credentials("default")
    say("kubectl apply -f examples/cancer.yaml")
    platform.kubectl("apply", "-f", str(ROOT / "examples" / "cancer.yaml"))
    platform.wait_for_state("cancer", "Serving", "Asleep")
    say("Ready; now without requests until it sleeps")
    platform.wait_for_state("cancer", "Asleep")
    console.print(platform.kubectl("get", "slm", "cancer"))

    with platform.client("cancer") as client:
        say("first request from zero")
        body = make_infer_request(holdout["rows"])
        begun = perf_counter()
        answer = client.post("/v2/models/cancer/infer", json=body)
        cold_seconds = perf_counter() - begun
        answer.raise_for_status()
        startup = client.get("/torpor/startup").json()
        outputs = {output["name"]: output for output in answer.json()["outputs"]}
        labels = outputs.get("label", answer.json()["outputs"][0])["data"]
        agreed = sum(int(ours) == theirs for ours, theirs in zip(labels, holdout["labels"], strict=True))
        one = make_infer_request(holdout["rows"][:1])
        warm: list[float] = []
        for _ in range(100):
            begun = perf_counter()
            client.post("/v2/models/cancer/infer", json=one).raise_for_status()
            warm.append((perf_counter() - begun) * 1000)
    console.print(platform.kubectl("get", "slm", "cancer"))
    say("and asleep again")
    platform.wait_for_state("cancer", "Asleep")
    console.print(platform.kubectl("get", "slm", "cancer"))

    table = Table(title="cancer: from one YAML")
    table.add_column("what")
    table.add_column("measured", justify="right")
    table.add_row("predictions equal to scikit-learn's", f"{agreed} of {len(labels)}")
    table.add_row("first answer from zero", f"{cold_seconds:.2f} s")
    for phase, seconds in startup.items():
        if isinstance(seconds, int | float):
            table.add_row(f"  in the model server: {phase}", f"{seconds:.3f}")
    quantiles = statistics.quantiles(warm, n=100)
    table.add_row("warm answer, p50 / p99 of 100", f"{quantiles[49]:.1f} / {quantiles[98]:.1f} ms")
    console.print(table)
    _print_next(console, platform)
    return 0 if agreed == len(labels) else 1


def _train(platform: Platform) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as directory:
        python = ROOT / ".venv" / "runtime" / "bin" / "python"
        subprocess.run([str(python), str(ROOT / "demo" / "train.py"), directory], check=True)
        platform.upload("cancer/1/model.onnx", (Path(directory) / "model.onnx").read_bytes())
        return json.loads((Path(directory) / "holdout.json").read_text())


def _print_next(console: Console, platform: Platform) -> None:
    status = platform.status
    console.print("The cluster goes on running. Try next:", style="bold")
    lines = [
        f"export KUBECONFIG={status['kubeconfig']}",
        ".venv/dev/bin/kubectl get slm",
        f"curl -H 'Host: cancer.default.{status['domain']}' http://{status['ingress']}/v2/models/cancer",
        "cat examples/fastapi/README.md    # an image of your own",
        "make cluster-down",
    ]
    for line in lines:
        console.print(f"  {line}", highlight=False, soft_wrap=True)


if __name__ == "__main__":
    sys.exit(main())
