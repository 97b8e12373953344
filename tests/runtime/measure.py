"""Figures for docs/model-server.md: exec to first answer, and warm requests over loopback.

`python3 tests/runtime/measure.py [starts] [seconds]` with the runtime's interpreter, on an idle machine. Not a test.
"""

import asyncio
import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import skops.io
from skl2onnx import to_onnx
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

RUNTIME = Path(__file__).parents[2] / "runtime"
CONNECTIONS = 8
TICK_SECONDS = 1 / os.sysconf("SC_CLK_TCK")


def main() -> None:
    starts, seconds = (int(value) for value in (sys.argv[1:] + ["9", "4"][len(sys.argv) - 1 :])[:2])
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        rows = make_models(directory)
        single = request(rows[:1])
        many = binary_request(np.repeat(rows, 50, axis=0))
        print(f"baseline numpy+onnxruntime: CPU ms {median(baseline_cpu_ms() for _ in range(starts)):.0f}")
        for model_format, file in (("onnx", "model.onnx"), ("sklearn", "model.skops")):
            runs = [start_once(model_format, directory / file, single) for _ in range(starts)]
            wall, cpu, rss = (median(run[index] for run in runs) for index in range(3))
            print(f"{model_format}: exec to first answer {wall:.0f} ms wall, {cpu:.0f} ms CPU, {rss:.0f} MiB")
            for label, payload in (("JSON, one row", single), ("binary, 1000 x 30", many)):
                print(f"{model_format}: {label}: {warm(model_format, directory / file, payload, seconds)}")


def median(values):
    return statistics.median(list(values))


def make_models(directory: Path) -> np.ndarray:
    rows, target = load_breast_cancer(return_X_y=True)
    rows = rows.astype(np.float32)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows[:-20], target[:-20])
    onnx_model = to_onnx(model, rows[:1], options={"zipmap": False})
    (directory / "model.onnx").write_bytes(onnx_model.SerializeToString())
    skops.io.dump(model, directory / "model.skops")
    return rows[-20:]


def http(body: bytes, extra: str = "") -> bytes:
    head = f"POST /v2/models/m/infer HTTP/1.1\r\nhost: x\r\n{extra}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def request(rows) -> bytes:
    tensor = {"name": "X", "shape": rows.shape, "datatype": "FP32", "data": rows.ravel().tolist()}
    return http(json.dumps({"inputs": [tensor]}).encode())


def binary_request(rows) -> bytes:
    data = rows.astype("<f4").tobytes()
    tensor = {
        "name": "X",
        "shape": rows.shape,
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(data)},
    }
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return http(head + data, f"inference-header-content-length: {len(head)}\r\n")


def launch(model_format: str, path: Path) -> tuple[subprocess.Popen, int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {
        "PYTHONPATH": str(RUNTIME),
        "PORT": str(port),
        "TORPOR_MODEL_NAME": "m",
        "TORPOR_THREADS": "1",
    }
    environment |= {"TORPOR_MODEL_FORMAT": model_format, "TORPOR_MODEL_URI": str(path)}
    command = [sys.executable, "-m", "torpor_runtime"]
    return subprocess.Popen(command, env=environment, stderr=subprocess.DEVNULL), port


def connect(port: int) -> socket.socket:
    while True:
        try:
            return socket.create_connection(("127.0.0.1", port))
        except ConnectionRefusedError:
            time.sleep(0.001)


def cpu_ms(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * TICK_SECONDS * 1000


def start_once(model_format: str, path: Path, payload: bytes) -> tuple[float, float, float]:
    began = time.perf_counter()
    process, port = launch(model_format, path)
    with connect(port) as client:
        client.sendall(payload)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
    wall = (time.perf_counter() - began) * 1000
    cpu = cpu_ms(process.pid)
    status = Path(f"/proc/{process.pid}/status").read_text()
    rss = int(status.partition("VmRSS:")[2].split()[0]) / 1024
    process.send_signal(signal.SIGTERM)
    process.wait()
    return wall, cpu, rss


def baseline_cpu_ms() -> float:
    code = (
        "import numpy, onnxruntime, resource as r; u = r.getrusage(r.RUSAGE_SELF); print(u.ru_utime + u.ru_stime)"
    )
    environment = os.environ | {"OPENBLAS_NUM_THREADS": "1"}
    return 1000 * float(subprocess.check_output([sys.executable, "-c", code], env=environment))


def warm(model_format: str, path: Path, payload: bytes, seconds: float) -> str:
    process, port = launch(model_format, path)
    connect(port).close()
    latencies: list[float] = []

    async def client(until: float) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while time.perf_counter() < until:
            began = time.perf_counter()
            writer.write(payload)
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length: ")[2].split()[0]))
            latencies.append(time.perf_counter() - began)
        writer.close()

    async def load(length: float) -> None:
        until = time.perf_counter() + length
        await asyncio.gather(*(client(until) for _ in range(CONNECTIONS)))

    asyncio.run(load(1))
    latencies.clear()
    before = cpu_ms(process.pid)
    asyncio.run(load(seconds))
    used = cpu_ms(process.pid) - before
    process.send_signal(signal.SIGTERM)
    process.wait()
    p50, p99 = (statistics.quantiles(latencies, n=100)[index] * 1000 for index in (49, 98))
    rate = len(latencies) / seconds
    return f"{rate:.0f} requests/s, p50 {p50:.2f} ms, p99 {p99:.2f} ms, server CPU {used / len(latencies) * 1000:.0f} us"


if __name__ == "__main__":
    main()
