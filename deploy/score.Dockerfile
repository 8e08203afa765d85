# The scorer in a container, without torch and without a checkout:
#   docker build -f deploy/score.Dockerfile -t musqa .
#   docker run --rm -v ~/Music:/music:ro musqa score /music/track.flac
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY musqa_pipeline musqa_pipeline
RUN python -m venv /opt/musqa && /opt/musqa/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 musqa
COPY --from=build /opt/musqa /opt/musqa
USER 10001
ENTRYPOINT ["/opt/musqa/bin/musqa"]
CMD ["--help"]
