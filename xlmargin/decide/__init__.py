"""Decisions: the same rule on more rows or on a moved market, generic over every registered model."""
