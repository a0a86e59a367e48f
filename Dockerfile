# One image for every part of a world: the control plane, the front door, the edges, and the toy site behind them.
FROM python:3.12-slim AS build
WORKDIR /src
# What edgesim needs is installed before edgesim itself, so that a change of the code does not fetch it all again.
COPY pyproject.toml ./
RUN python -m venv /opt/edgesim \
 && python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" > needed.txt \
 && /opt/edgesim/bin/pip install --no-cache-dir -r needed.txt
COPY README.md LICENSE NOTICE setup.py ./
COPY edgesim edgesim
COPY origin origin
COPY configs configs
RUN /opt/edgesim/bin/pip install --no-cache-dir --no-deps . \
 && /opt/edgesim/bin/pip check \
 && /opt/edgesim/bin/python -m compileall -q /opt/edgesim/lib

FROM python:3.12-slim
# Nobody special: no shell, no home, and nothing to own but the directories that volumes are mounted on.
RUN groupadd --system --gid 10001 edgesim \
 && useradd --system --uid 10001 --gid edgesim --no-create-home --shell /usr/sbin/nologin edgesim \
 && mkdir -p /state /token /site \
 && chown edgesim:edgesim /state /token /site \
 && chmod 0750 /state /token /site
COPY --from=build /opt/edgesim /opt/edgesim
COPY configs /app/configs
WORKDIR /app
ENV PATH=/opt/edgesim/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EDGESIM_TOKEN_FILE=/token/token \
    EDGESIM_HEALTH=http://127.0.0.1:8081/_edgesim/health
USER edgesim
HEALTHCHECK --interval=5s --timeout=4s --start-period=60s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(os.environ['EDGESIM_HEALTH'], timeout=3)"]
# A whole world in one container, unless told otherwise.
CMD ["edgesim", "up", "configs/demo.yaml", "--state", "/state", "--http", "0.0.0.0:8080", "--https", "0.0.0.0:8443", "--control", "0.0.0.0:8081"]
