"""The same buckets on Dask: partitioned by account, written by the workers, retried where a worker is lost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

from ..errors import InputError
from .bucket import done, margins
from .job import Job


def on_cluster(job: Job, todo: list[int], workers: int, scheduler: str) -> Iterator[int]:
    """Margin the buckets on a running scheduler, or on a local cluster of ``workers`` processes.

    A bucket whose worker dies is run again elsewhere; its files are renamed into place whole, so nothing counts twice.
    """
    try:
        from distributed import Client, LocalCluster, as_completed
    except ImportError as error:
        raise InputError("Dask is not installed: pip install 'xlmargin[batch]'") from error

    with ExitStack() as stack:
        if not scheduler:
            cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, processes=True, host="127.0.0.1", dashboard_address=None
            )
            scheduler = stack.enter_context(cluster).scheduler_address
        client = stack.enter_context(Client(scheduler, timeout="30s"))
        futures = client.map(margins, [job] * len(todo), todo, pure=False, retries=3)
        number = {future.key: n for future, n in zip(futures, todo, strict=True)}
        for future in as_completed(futures):
            future.result()
            if not done(job, number[future.key]):
                raise InputError(f"bucket {number[future.key]} was reported done, but its part is not there")
            yield number[future.key]
