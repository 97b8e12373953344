"""The model server as a process: real models, real HTTP, real ends."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import numpy as np
import pytest
import skops.io
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    directory = tmp_path_factory.mktemp("models")
    rows, labels = load_breast_cancer(return_X_y=True)
    rows = (rows / rows.max(axis=0)).astype(np.float32)
    classifier = LogisticRegression(max_iter=500).fit(rows[:-20], labels[:-20])
    onnx = to_onnx(classifier, rows[:1], options={"zipmap": False})
    (directory / "model.onnx").write_bytes(onnx.SerializeToString())
    skops.io.dump(classifier, directory / "model.skops")
    return directory, rows[-20:], classifier.predict(rows[-20:]).tolist()


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def start(directory, **variables):
    port = free_port()
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "runtime"),
        "PORT": str(port),
        "TORPOR_MODEL_NAME": "cancer",
        "TERMINATION_LOG": str(directory / "termination"),
        **variables,
    }
    process = subprocess.Popen([sys.executable, "-m", "torpor_runtime"], env=env, stderr=subprocess.PIPE, text=True)
    return process, f"http://127.0.0.1:{port}"


def wait_until(path, base, code=200, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if httpx.get(base + path, trust_env=False).status_code == code:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.02)
    raise TimeoutError(path)


@pytest.mark.parametrize(
    ("model_format", "file", "output"), [("onnx", "model.onnx", "label"), ("sklearn", "model.skops", None)]
)
def test_predictions_equal_scikit_learns(trained, tmp_path, model_format, file, output):
    directory, rows, labels = trained
    process, base = start(tmp_path, TORPOR_MODEL_FORMAT=model_format, TORPOR_MODEL_URI=str(directory / file))
    try:
        wait_until("/v2/health/live", base)
        with httpx.Client(base_url=base, trust_env=False, timeout=30) as client:
            described = client.get("/v2/models/cancer")
            # Held until the model is loaded, never refused as not ready.
            name = described.json()["inputs"][0]["name"] if described.status_code == 200 else "X"
            tensor = {"name": name, "shape": list(rows.shape), "datatype": "FP32", "data": rows.ravel().tolist()}
            answer = client.post("/v2/models/cancer/infer", json={"inputs": [tensor]})
            assert answer.status_code == 200, answer.text
            outputs = answer.json()["outputs"]
            chosen = next((o for o in outputs if o["name"] == output), outputs[0])
            assert chosen["data"] == labels
            v1 = client.post("/v1/models/cancer:predict", json={"instances": rows.tolist()})
            assert v1.status_code == 200, v1.text
            assert client.get("/v2/health/ready").status_code == 200
            assert client.post("/v2/models/cancer/infer", content=b"{").status_code == 400
            assert client.get("/v2/models/other").status_code == 404
            tensor["shape"] = [20, 29]
            assert client.post("/v2/models/cancer/infer", json={"inputs": [tensor]}).status_code == 400
    finally:
        process.send_signal(signal.SIGTERM)
        _, _ = process.communicate(timeout=20)
    assert process.returncode == 0


CASES = [
    ("missing", "nothing.onnx", "onnx", {}, "reason=ModelNotFound"),
    ("digest", "model.onnx", "onnx", {"TORPOR_MODEL_DIGEST": "sha256:" + "0" * 64}, "reason=DigestMismatch"),
    ("corrupt", "corrupt.onnx", "onnx", {}, "reason="),
    ("pickle", "model.pkl", "sklearn", {}, "reason=FormatRefused"),
]


@pytest.mark.parametrize(
    ("file", "model_format", "variables", "line"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_what_cannot_be_served_ends_with_one_line(trained, tmp_path, file, model_format, variables, line):
    directory, _, _ = trained
    (directory / "corrupt.onnx").write_bytes(b"not a model")
    (directory / "model.pkl").write_bytes(b"not a model")
    process, _ = start(
        tmp_path, TORPOR_MODEL_FORMAT=model_format, TORPOR_MODEL_URI=str(directory / file), **variables
    )
    _, said = process.communicate(timeout=30)
    assert process.returncode not in (0, None)
    assert line in said
    assert " message=" in said
    assert "Traceback" not in said
