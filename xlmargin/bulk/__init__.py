"""Many accounts from Parquet: on one machine in bounded memory, or on Dask; resumable, nothing lost, nothing twice."""

from .job import Job, Outcome
from .run import batch

__all__ = ["Job", "Outcome", "batch"]
