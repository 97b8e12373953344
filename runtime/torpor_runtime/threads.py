"""The size of the thread pools that libraries start when they are imported."""


def thread_environment(model_format: str, threads: int) -> dict[str, str]:
    """Return the variables that size the pools of numpy and OpenMP, to be set before numpy's import.

    Parameters
    ----------
    model_format
        ONNX Runtime has a pool of its own, so for onnx numpy's would be started and never used.
    threads
        TORPOR_THREADS.
    """
    count = "1" if model_format == "onnx" else str(threads)
    return {"OMP_NUM_THREADS": count, "OPENBLAS_NUM_THREADS": count}
