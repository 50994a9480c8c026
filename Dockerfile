# The gateway with a browser. It listens on every address of the container, so authentication is on:
#   docker build -t parley .
#   docker run --rm -p 127.0.0.1:8000:8000 -v parley-data:/data parley
# The API key is printed once, at the first start, and kept in the volume as admin_key.
# With Chromium's sandbox, which needs user namespaces (docs/security.md):
#   docker run --rm --security-opt seccomp=docker/seccomp.json -p 127.0.0.1:8000:8000 -v parley-data:/data parley
FROM docker.io/library/python:3.11-slim

# libatomic1: the driver's Node.js is linked with it, and the slim image lacks it.
RUN apt-get update \
    && apt-get install -y --no-install-recommends \
        chromium fonts-liberation fonts-noto-color-emoji libatomic1 tini util-linux xvfb \
    && rm -rf /var/lib/apt/lists/*

WORKDIR /app
COPY requirements.txt constraints.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check -r requirements.txt

COPY automation automation
COPY backend backend
COPY selectors selectors

RUN useradd --create-home --uid 10001 parley \
    && install -d -o parley -g parley -m 0700 /data
USER parley
VOLUME /data

ENV HOST=0.0.0.0 \
    PORT=8000 \
    DATA_DIR=/data \
    LOG_FORMAT=json \
    BROWSER_EXECUTABLE=/usr/bin/chromium \
    PYTHONUNBUFFERED=1
EXPOSE 8000

HEALTHCHECK --interval=30s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health\", timeout=4)"]

# tini reaps what a killed browser leaves behind.
ENTRYPOINT ["tini", "--"]
CMD ["python", "-m", "backend.main"]
