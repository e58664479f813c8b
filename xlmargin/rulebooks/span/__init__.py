"""SPAN over published risk arrays: one rule, and a parameter file for each clearing house that uses it.

SPAN is a registered trade mark of Chicago Mercantile Exchange Inc. xlmargin is not affiliated with it, does not use its
software and computes from published rules and published risk parameter files alone.
"""
