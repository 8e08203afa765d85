# The factory in a container, for CPUs (for GPUs: --build-arg TORCH_INDEX=… of the CUDA at hand):
#   docker build -f deploy/factory.Dockerfile -t musqa-factory .
#   docker run --rm -v musqa-home:/home/musqa/data musqa-factory .venv/bin/musqa demo
#   docker run --rm -v musqa-home:/home/musqa/data --network host musqa-factory make ui
FROM python:3.11-slim-bookworm
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
# No version of make is asked for: Debian's stable release has one, and any does.
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends make \
  && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 10001 musqa && mkdir -p /home/musqa/checkout /home/musqa/data \
  && chown -R musqa:musqa /home/musqa
USER 10001
WORKDIR /home/musqa/checkout
COPY --chown=musqa:musqa . .
RUN python -m venv .venv \
  && .venv/bin/pip install --no-cache-dir -c constraints.txt --extra-index-url "$TORCH_INDEX" torch \
  && .venv/bin/pip install --no-cache-dir -c constraints.txt -e ".[m4a,factory]" \
  && touch .venv/.ready
ENV MUSQA_HOME=/home/musqa/data
VOLUME /home/musqa/data
CMD [".venv/bin/musqa", "--help"]
