"""Bilateral initial margin: ISDA SIMM and the regulators' schedule, over CRIF sensitivities.

ISDA SIMM is a trade mark and copyright of the International Swaps and Derivatives Association and covered by US
patent 10,515,410; commercial users and vendors need ISDA's licence (isda.org, "ISDA SIMM licensing FAQ",
2021-04-08). xlmargin is not affiliated with ISDA. The parameter values are facts carried over with their sources.
"""
