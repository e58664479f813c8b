"""Accounts at several venues under one credit line."""

from .credit import Credit, credit

__all__ = ["Credit", "credit"]
