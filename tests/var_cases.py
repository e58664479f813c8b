"""One perpetual on one underlying with a history of returns: what the tests of the VaR rulebooks share."""

import numpy as np

import xlmargin as xm

AS_OF = 1_790_000_000
DAY = 86_400.0


def dates(count, end=AS_OF):
    return [end - DAY * k for k in range(count - 1, -1, -1)]


def prices(returns, last=100.0):
    path = np.exp(np.concatenate([[0.0], np.cumsum(returns)]))
    return path / path[-1] * last


def book(returns, quantity=1.0, mark=100.0, **more):
    """One perpetual on one underlying with that history of log returns."""
    history = {"date": dates(len(returns) + 1), "BTC": prices(returns, mark)}
    positions = {"instrument": ["BTC-PERP"], "quantity": [quantity], "mark": [mark], "settle": ["USD"]}
    return xm.tables(**({"positions": positions, "history": history, "as_of": AS_OF} | more))


def margin(held, model="var.fhs", **options):
    return xm.margin(*held, model, options=options)


def alternating(count, size):
    return size * np.where(np.arange(count) % 2 == 0, 1.0, -1.0)


def texts(result):
    return " | ".join(n.text for n in result.notes)
