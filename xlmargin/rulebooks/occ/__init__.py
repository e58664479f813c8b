"""Customer portfolio margin of US listed options: the ten-point theoretical valuation that OCC calls TIMS.

TIMS is a trade mark of The Options Clearing Corporation; xlmargin is not affiliated with it.
"""
