"""Decisions: the same rule on more rows or on a moved market, generic over every registered model.

The verbs are ``xm.<verb>``, loaded when first asked for; each stands in a module of its name, beside its result.
"""
