# The operator and the model server: two targets. `python -m cluster images` builds them on small Debian bases
# of its own; `docker build --target operator .` works as well.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
ARG BUILD_BASE=docker.io/library/python:3.11-slim-bookworm

FROM ${BUILD_BASE} AS build
# Where wheels come from: known to the build alone.
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
ARG PIP_TRUSTED_HOST
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore

# Tests of libraries go, except a module that numpy.testing itself imports. Byte code is "unchecked": it stays
# valid whatever date an image gives its files, and a read-only root file system could not take it later.
FROM build AS operator-dependencies
COPY requirements/operator.txt /build/requirements.txt
RUN pip install -q --no-compile --only-binary :all: --require-hashes --target /dependencies -r /build/requirements.txt \
 && find /dependencies -type d -name tests -prune -exec rm -rf {} + \
 && rm -rf /dependencies/bin \
 && python3 -m compileall -q -j0 --invalidation-mode unchecked-hash /dependencies \
 && PYTHONPATH=/dependencies python3 -c 'import kopf, kubernetes.client, prometheus_client, pydantic, uvicorn'

FROM build AS operator-code
COPY operator/torpor /app/torpor
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS operator
LABEL org.opencontainers.image.title="torpor operator" \
      org.opencontainers.image.description="The serverless model operator for Knative and Kubeflow" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONPATH=/app:/dependencies PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=operator-dependencies /dependencies /dependencies
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["python3", "-m", "torpor.cli"]
CMD ["run"]
# Last, so that a change of the code is a small layer.
COPY --from=operator-code /app /app

FROM build AS runtime-dependencies
COPY requirements/runtime.txt /build/requirements.txt
RUN pip install -q --no-compile --only-binary :all: --require-hashes --target /dependencies -r /build/requirements.txt \
 && find /dependencies -type d -name tests -not -path '*/numpy/_core/tests' -prune -exec rm -rf {} + \
 && rm -rf /dependencies/bin \
 && python3 -m compileall -q -j0 --invalidation-mode unchecked-hash /dependencies \
 && PYTHONPATH=/dependencies python3 -c 'import onnxruntime, obstore, orjson, sklearn.ensemble, skops.io, uvicorn, uvloop'

FROM build AS runtime-code
COPY runtime/torpor_runtime /app/torpor_runtime
RUN python3 -m compileall -q --invalidation-mode unchecked-hash /app

FROM ${BASE} AS runtime
LABEL org.opencontainers.image.title="torpor runtime" \
      org.opencontainers.image.description="The model server of torpor: the Open Inference Protocol for ONNX and scikit-learn" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONPATH=/app:/dependencies PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=runtime-dependencies /dependencies /dependencies
USER 65532:65532
WORKDIR /app
ENTRYPOINT ["python3", "-m", "torpor_runtime"]
COPY --from=runtime-code /app /app
