"""What Dagster does when a stage fails: tries again what may pass, and never what will not."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from assets.reaping import process_tag
from musqa_pipeline.core.errors import MusqaError, is_passing

MAX_RETRIES = 3
FIRST_WAIT_S = float(os.environ.get("MUSQA_RETRY_S") or 30)
"""Doubled at each further attempt."""


@contextmanager
def supervised() -> Iterator[None]:
    """Put the process's name on the run, and turn a stage's error into Dagster's terms.

    A failure that may pass is tried again `MAX_RETRIES` times, with waits that double; a deliberate
    error (bad input, settings, a stage without rows) never, and a bug stays what it is.
    """
    context = dg.AssetExecutionContext.get()
    context.instance.add_run_tags(context.run.run_id, process_tag())
    try:
        yield
    except Exception as error:
        if is_passing(error) and not _is_attended(context.run):
            wait_s = FIRST_WAIT_S * 2**context.retry_number
            raise dg.RetryRequested(max_retries=MAX_RETRIES, seconds_to_wait=wait_s) from error
        if isinstance(error, MusqaError):
            raise dg.Failure(description=str(error), allow_retries=False) from error
        raise


def _is_attended(run: dg.DagsterRun) -> bool:
    """Whether a person or CI waits for this run: `musqa run`, `dagster asset materialize`."""
    return run.remote_job_origin is None
