# One image for every process: the API, the worker, beat, the migrations, and the sandbox of the demo.
#
# The base is pinned by its exact tag. To pin its bytes too, ask a registry you trust once
# (`docker buildx imagetools inspect python:3.13.14-slim-trixie`), write the answer behind the tag in
# both FROM lines (`…-trixie@sha256:…`), and renew it with every base update.

FROM python:3.13.14-slim-trixie AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_NO_INPUT=1 PIP_PROGRESS_BAR=off PIP_ROOT_USER_ACTION=ignore
# Without pip inside: the environment holds what the locks name and nothing else.
RUN python -m venv --without-pip /opt/almoner
ENV PATH=/opt/almoner/bin:$PATH
WORKDIR /app

# Only wheels whose hash stands in the lock; a changed line of our code does not repeat this step.
COPY requirements.lock deploy/requirements-build.lock ./
RUN /usr/local/bin/pip --python /opt/almoner/bin/python install \
    --require-hashes --no-deps --only-binary :all: -r requirements.lock -r requirements-build.lock

COPY LICENSE NOTICE README.md pyproject.toml ./
COPY alembic alembic
COPY deploy/worker_is_heard.py deploy/worker_is_heard.py
COPY payments payments
COPY workers workers
# In place, because the migrations lie beside the packages; then the build tool has done its part.
RUN /usr/local/bin/pip --python /opt/almoner/bin/python install --no-index --no-deps --no-build-isolation --editable . \
    && /usr/local/bin/pip --python /opt/almoner/bin/python uninstall --yes uv-build \
    && rm requirements.lock requirements-build.lock \
    && python -m compileall -q alembic payments workers


FROM python:3.13.14-slim-trixie
RUN groupadd --gid 10001 almoner \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin almoner \
    && install --directory --owner almoner --group almoner /var/lib/almoner
COPY --from=build /opt/almoner /opt/almoner
COPY --from=build /app /app
# The processes write nothing beside /tmp and, in the sandbox, /var/lib/almoner.
ENV PATH=/opt/almoner/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
WORKDIR /app
USER 10001:10001
EXPOSE 8000
# /healthz and not /readyz: no restart of this process would bring the database back.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
CMD ["uvicorn", "payments.app:app", "--host", "0.0.0.0", "--port", "8000", "--no-access-log", "--no-server-header", "--no-proxy-headers"]
