"""Derive's portfolio manager PMRM2: one underlying an account, scenarios with discounts, contingencies.

Source: derivexyz/v2-core@7736900d (2026-01-21) PMRM_2.sol, PMRMLib_2.sol; margin(book) of the contract is
equity less the requirement given here. How sure: the rule is checked against the repository's golden
portfolios (1e-9) and against margins read from the deployed contracts (1e-6 USD); parameters are secondary
(reconstructed from events) and dated in the TOML; SOL and ADA come from documentation tables only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..book import Book, Nets
from ..collateral import unrealised
from ..errors import Note, Problem, nearest
from ..ledger import CASH, Grid, Line, Margin
from ..market import OPTION, PERP, Market
from ..params import Params
from ..pricing import YEAR, black76
from ..registry import Ready, Setting, margin_model
from ..risk import fold, low_confidence, scan, uncovered, worst
from ..scenarios import DOWN, UP, Scenarios

DAYS_30 = 30 * 86400.0
SETTLING = 1800.0
BASIS = -1


@margin_model(
    "derive.portfolio",
    needs={
        "option": "forward iv rate scope_index confidence?",
        "perp": "mark scope_index confidence?",
        "balance": "price confidence?",
        "settle": "price",
    },
    settings={
        "manager": Setting("", "underlying of the portfolio manager; needed where an account holds collateral only"),
        "mm_factor": Setting(np.nan, "maintenance factor of accounts with an override library (PMRM_2_1)"),
    },
    exceptions={
        "merging never raises": "static discounts differ by the sign of each expiry's value, so merging can cost"
    },
    payoffs="linear",
    scoped=True,
    scope_setting="manager",
    evidence="rule checked against on-chain margins; parameters from on-chain events (secondary)",
    title="Derive portfolio margin (PMRM2)",
)
def portfolio(book: Book, ready: Ready) -> Margin:
    """Worst scenario or basis move, scaled, plus contingencies for perpetuals, naked shorts, collateral and oracles."""
    p, held = ready.params, Held(book, ready)
    scan_line, grid = _scan(held)
    factor = held.of("mm_factor")
    own = book.settings["mm_factor"]
    factor = np.where(np.isnan(own), factor, own)
    common = _contingencies(held)
    peg = np.maximum(held.of("peg_loss_threshold") - held.stable, 0.0) * held.of("peg_loss_factor")
    maintenance = Line.total(
        "Maintenance margin",
        scan_line,
        scan_line.scaled("Maintenance factor", factor - 1.0, book, cite=p.cite("mm_factor")),
        *common,
        formula="scenario loss × mm_factor + contingencies",
    )
    initial = Line.total(
        "Initial margin",
        scan_line,
        scan_line.scaled("Initial factor", held.of("im_factor") - 1.0, book, cite=p.cite("im_factor")),
        scan_line.scaled("Stable-coin peg", peg, book, cite=p.cite("peg_loss_threshold", "peg_loss_factor")),
        *common,
        *_initial_contingencies(held),
        formula="scenario loss × (im_factor + peg) + contingencies",
    )
    labels = _worst_labels(grid, ready)
    return Margin(
        _equity(held), initial, maintenance, currency=held.currency, worst=labels, grid=grid, notes=_notes(held)
    )


@portfolio.prepare
def prepare(market: Market, p: Params, options: dict[str, Any]) -> dict[str, Any]:
    """Ladders by scope, curves by expiry, unit values of every option in every scenario, haircuts by asset."""
    read = p.on(market.scopes)
    ladder = Scenarios.of(read("scenarios") if len(market.scopes) else [])
    expiry_of, first = market.group("scope", "expiry")
    curve = _curve(market, read, first)
    return {
        "read": read,
        "ladder": ladder,
        "expiry_of": expiry_of,
        "strike_of": market.group("scope", "expiry", "strike")[0],
        "curve": curve,
        "unit": _unit_values(market, read, ladder, curve, expiry_of),
        "haircut": _haircuts(market, read),
        "cash_asset": _cash_assets(market, read),
    }


def _curve(market: Market, read: Any, first: np.ndarray) -> dict[str, np.ndarray]:
    """What each expiry (G,) brings: discounts, volatility factors, the part of the forward already fixed."""
    scope, seconds = market.scope[first], np.nan_to_num(market.seconds[first])
    tau, rate = seconds / YEAR, np.maximum(np.nan_to_num(market["rate"][first]), 0.0)
    at = lambda key: read(key)[scope]  # noqa: E731
    forward = market["forward"][first]
    fixed = market.column("forward_fixed")[first]
    fixed = np.where(np.isnan(fixed), np.maximum(SETTLING - seconds, 0.0) / SETTLING * forward, fixed)
    power = np.where(seconds <= DAYS_30, at("short_term_power"), at("long_term_power"))
    with np.errstate(divide="ignore"):
        reach = (DAYS_30 / np.maximum(seconds, at("dte_floor_days") * 86400.0)) ** power
    discount = np.exp(-rate * tau)
    short = at("short_base_static_discount") * np.exp(tau * (rate * at("short_rate_mult") + at("short_rate_add")))
    long = at("long_base_static_discount") * np.exp(-tau * (rate * at("long_rate_mult") + at("long_rate_add")))
    return {
        "tau": tau,
        "discount": discount,
        "fixed": fixed,
        "variable": forward - fixed,
        "up": 1.0 + at("range_up") * reach,
        "down": np.maximum(0.0, 1.0 - at("range_down") * reach),
        "positive": long,
        "negative": np.minimum(1.0 / discount, short),
        "basis": at("add_factor") + at("mult_factor") * tau,
    }


def _unit_values(
    market: Market, read: Any, ladder: Scenarios, curve: dict[str, np.ndarray], expiry_of: np.ndarray
) -> np.ndarray:
    """Value of one contract (I, S+3) in every scenario, then at the basis moves up and down, then as marked."""
    unit = np.zeros((len(market), ladder.width + 3))
    o = np.flatnonzero(market.kind == OPTION)
    if not len(o):
        return unit
    scope, e = market.scope[o], expiry_of[o]
    moves = np.hstack([ladder.price, read("scenario_spot_up")[:, None], read("scenario_spot_down")[:, None]])
    moves = np.hstack([moves, np.ones((len(moves), 1))])[scope]
    forward = curve["fixed"][e, None] + curve["variable"][e, None] * moves
    iv = market["iv"][o, None]
    vol = np.repeat(iv, ladder.width + 3, axis=1)
    plain = ladder.width - ladder.skewed
    direction = ladder.vol[scope, :plain]
    shocked = vol[:, :plain]
    raised = np.maximum(read("min_vol_up_shock")[scope, None], iv * curve["up"][e, None])
    np.copyto(shocked, raised, where=direction == UP)
    np.copyto(shocked, iv * curve["down"][e, None], where=direction == DOWN)
    vol[:, plain : ladder.width] = iv * _skews(market, read, curve, o, e)
    vol *= np.sqrt(curve["tau"][e, None])
    size = market["contract_size"][o, None] * curve["discount"][e, None]
    unit[o] = black76(forward, market["strike"][o, None], vol, market.call[o, None], size)
    return unit


def _skews(market: Market, read: Any, curve: dict[str, np.ndarray], o: np.ndarray, e: np.ndarray) -> np.ndarray:
    """Volatility factors (O, 2) of the linear and the absolute skew."""
    at = lambda key: read(key)[market.scope[o]]  # noqa: E731
    root = np.sqrt(curve["tau"][e])
    with np.errstate(divide="ignore", invalid="ignore"):
        k = np.log(np.maximum(market["strike"][o], 1e-18) / market["forward"][o])
    steep = root * at("width_scale") * (at("vol_param_static") + root * at("vol_param_scale"))
    star = np.maximum(at("min_k_star"), steep)
    factors = []
    for name, moneyness in (("linear", k), ("abs", np.abs(k))):
        cap = at(f"{name}_cbase") * root + at(f"{name}_base_cap")
        slope = moneyness * cap / star
        move = np.where(moneyness >= 0, np.minimum(cap, slope), np.maximum(-cap, slope))
        factors.append(np.maximum(0.0, 1.0 + move))
    return np.stack(factors, axis=1)


def _haircuts(market: Market, read: Any) -> np.ndarray:
    """MM haircut, IM haircut on top and risk cancelling by scope and asset (U+1, C, 3); NaN where not accepted."""
    table = np.full((len(market.scopes) + 1, len(market.assets), 3), np.nan)
    for u, accepted in enumerate(read("collateral") if len(market.scopes) else ()):
        folded = {name.casefold(): row for name, row in accepted.items()}
        for c, name in enumerate(market.assets):
            table[u, c] = folded.get(str(name).casefold(), np.nan)
    return table


def _cash_assets(market: Market, read: Any) -> np.ndarray:
    """Number of the cash asset of each scope (U+1,); the last stands for accounts without one."""
    number = {name: c for c, name in enumerate(market.assets)}
    names = read("cash_asset") if len(market.scopes) else []
    return np.array([number.get(name, -1) for name in [*names, "USDC"]], np.int64)


def scope_of_rows(book: Book, market: Market) -> np.ndarray:
    """The underlying of each row (R,): of its legs, else of its ``manager`` setting, else −1."""
    scope = np.full(len(book), -1, np.int64)
    number = {name: u for u, name in enumerate(market.scopes)}
    named = book.settings.get("manager")
    if named is not None:
        scope = np.array([number.get(name, -1) if name else -1 for name in named], np.int64)
    scope[book.legs.row] = market.scope[book.legs.instrument]
    return scope


class Held:
    """A book seen by this rule: values per leg and balance that several lines share."""

    def __init__(self, book: Book, ready: Ready) -> None:
        market, legs, cash = ready.market, book.legs, book.cash
        self.book, self.ready, self.market, self.p = book, ready, market, ready.params
        self.scope = scope_of_rows(book, market)
        self.kind = market.kind[legs.instrument]
        self.is_option, self.is_perp = self.kind == OPTION, self.kind == PERP
        self.quantity = legs.quantity * market["contract_size"][legs.instrument]
        self.index = np.append(market.on_scope("index"), 0.0)[self.scope]
        cash_asset = ready.cash_asset[self.scope]
        price = np.append(market.price, np.nan)
        self.stable = np.where(np.isnan(price[cash_asset]), 1.0, price[cash_asset])
        self.currency = np.append(market.assets, "USDC")[cash_asset]
        self.is_cash = cash.asset == cash_asset[cash.row]
        worth = cash.amount * market.price[cash.asset] / self.stable[cash.row]
        self.collateral = np.where(self.is_cash, 0.0, worth)
        haircut = ready.haircut[self.scope[cash.row], cash.asset]
        self.haircut = np.where(self.is_cash[:, None], 0.0, haircut)
        self.perp_value = np.where(self.is_perp, self.quantity * market["mark"][legs.instrument], 0.0)
        self.short = np.where(self.is_option, uncovered(book, ready.strike_of, self.option_quantity), 0.0)

    @property
    def option_quantity(self) -> np.ndarray:
        return np.where(self.is_option, self.quantity, 0.0)

    def of(self, key: str) -> np.ndarray:
        """A parameter by row (R,); 0 for a row without underlying."""
        return np.append(self.ready.read(key), 0.0)[self.scope] if len(self.market.scopes) else np.zeros(len(self.book))


def _scan(held: Held) -> tuple[Line, Grid]:
    """The scenario loss as a line and the grid behind it."""
    book, ready = held.book, held.ready
    nets = book.split(ready.expiry_of)
    values = scan(nets, ready.unit)
    curve = {k: v[nets.group] for k, v in ready.curve.items()}
    result, sign = _expiry_results(values, curve, ready.ladder)
    move = fold(nets, result)
    linear = book.sum(held.perp_value) + book.cash.sum(held.collateral * held.haircut[:, 2])
    price, weight = _ladder_rows(held)
    move += linear[:, None] * (price - 1.0)
    move *= weight
    basis = nets.up(np.minimum(np.minimum(values[:, -3], values[:, -2]) - values[:, -1], 0.0) * curve["basis"])
    least, which = worst(move)
    bound = basis <= least
    value, which = np.where(bound, basis, least), np.where(bound, BASIS, which)
    label = np.append(ready.ladder.label, np.full((1, ready.ladder.width), -1), axis=0)[held.scope]
    vol = np.append(ready.ladder.vol, np.zeros((1, ready.ladder.width), np.int64), axis=0)[held.scope]
    grid = Grid(label, price, vol, weight, move, which)
    cite = held.p.cite("scenarios")
    formula = "least of Σ w·(discounted shocked value − mark) and the basis contingency"
    if not book.detail:
        return Line("Scenario loss", -value, formula=formula, cite=cite), grid
    cells = _leg_results(held, nets, curve, sign) * weight[book.legs.row]
    grid = Grid(label, price, vol, weight, move, which, cells)
    at = np.maximum(which, 0)
    legs = np.where(bound[book.legs.row], _basis_legs(held, nets, values, curve), _pick(cells, at[book.legs.row]))
    moved = (price - 1.0)[np.arange(len(book)), at] * weight[np.arange(len(book)), at] * ~bound
    posted = held.collateral * held.haircut[:, 2] * moved[book.cash.row]
    parts = (Line.of("Positions", book, -legs), Line.of("Risk-cancelling collateral", book, -posted, CASH))
    return Line("Scenario loss", -value, parts, formula=formula, cite=cite), grid


def _pick(cells: np.ndarray, column: np.ndarray) -> np.ndarray:
    return cells[np.arange(len(cells)), column]


def _ladder_rows(held: Held) -> tuple[np.ndarray, np.ndarray]:
    """Price factors and weights by row: views of one ladder where only one is in use, so that nothing is copied."""
    ladder = held.ready.ladder
    if len(held.market.scopes) == 1 and (held.scope == 0).all():
        shape = (len(held.book), ladder.width)
        return np.broadcast_to(ladder.price, shape), np.broadcast_to(ladder.weight, shape)
    price = np.append(ladder.price, np.ones((1, ladder.width)), axis=0)
    weight = np.append(ladder.weight, np.zeros((1, ladder.width)), axis=0)
    return price[held.scope], weight[held.scope]


def _expiry_results(
    values: np.ndarray, curve: dict[str, np.ndarray], ladder: Scenarios
) -> tuple[np.ndarray, np.ndarray]:
    """Result of each expiry (N, S) and the signed discount that its shocked value took.

    f = V·d − mark with d by the sign of V; skew columns count as −|f|.
    """
    discount = np.where(values[:, :-3] >= 0, curve["positive"][:, None], curve["negative"][:, None])
    result = values[:, :-3] * discount
    result -= values[:, -1:]
    skew = result[:, ladder.width - ladder.skewed :]
    flip = np.where(skew > 0, -1.0, 1.0)
    np.abs(skew, out=skew)
    np.negative(skew, out=skew)
    return result, (discount, flip)


def _leg_results(
    held: Held, nets: Nets, curve: dict[str, np.ndarray], sign: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Result of each leg (H, S) before weights; they add up to the result of the row."""
    discount, flip = sign
    unit = held.ready.unit[held.book.legs.instrument]
    cells = held.book.legs.quantity[:, None] * (unit[:, :-3] * discount[nets.net] - unit[:, -1:])
    ladder = held.ready.ladder
    cells[:, ladder.width - ladder.skewed :] *= flip[nets.net]
    price, _ = _ladder_rows(held)
    return cells + held.perp_value[:, None] * (price[held.book.legs.row] - 1.0)


def _basis_legs(held: Held, nets: Nets, values: np.ndarray, curve: dict[str, np.ndarray]) -> np.ndarray:
    """Each leg's share (H,) of the basis contingency: the worse basis move of its expiry, if it loses."""
    side = np.where(values[:, -3] <= values[:, -2], -3, -2)
    loses = np.minimum(values[:, -3], values[:, -2]) < values[:, -1]
    unit = held.ready.unit[held.book.legs.instrument]
    move = np.where(side[nets.net] == -3, unit[:, -3], unit[:, -2]) - unit[:, -1]
    return held.book.legs.quantity * move * (curve["basis"] * loses)[nets.net]


def _contingencies(held: Held) -> list[Line]:
    """Requirements common to both margins."""
    row, crow, p = held.book.legs.row, held.book.cash.row, held.p
    perp = np.where(held.is_perp, np.abs(held.quantity), 0.0) * held.index[row]
    naked = held.short * held.index[row]
    return [
        Line.of("Perpetuals", held.book, perp * held.of("mm_perp_pct")[row], cite=p.cite("mm_perp_pct")),
        Line.of(
            "Uncovered short options", held.book, naked * held.of("mm_option_pct")[row], cite=p.cite("mm_option_pct")
        ),
        Line.of("Collateral haircut", held.book, held.collateral * held.haircut[:, 0], CASH, cite=p.cite("collateral")),
    ]


def _initial_contingencies(held: Held) -> list[Line]:
    """Requirements of initial margin alone: perpetuals, naked shorts, collateral, and prices that oracles doubt."""
    book, p, row = held.book, held.p, held.book.legs.row
    perp = np.where(held.is_perp, np.abs(held.quantity), 0.0) * held.index[row]
    naked = held.short * held.index[row]
    charge, threshold = held.of("conf_margin"), held.of("conf_threshold")
    legs_confidence, cash_confidence = _confidences(held)
    exposed = np.where(held.is_option, np.abs(held.quantity) * held.index[row], perp)
    doubt = exposed * low_confidence(legs_confidence, threshold[row], charge[row])
    crow = book.cash.row
    doubted = held.collateral * low_confidence(cash_confidence, threshold[crow], charge[crow])
    cite = p.cite("conf_threshold", "conf_margin")
    return [
        Line.of("Perpetuals, initial", book, perp * held.of("im_perp_pct")[row], cite=p.cite("im_perp_pct")),
        Line.of(
            "Uncovered short options, initial",
            book,
            naked * held.of("im_option_pct")[row],
            cite=p.cite("im_option_pct"),
        ),
        Line.of(
            "Collateral haircut, initial", book, held.collateral * held.haircut[:, 1], CASH, cite=p.cite("collateral")
        ),
        Line.of("Doubtful prices", book, doubt, cite=cite),
        Line.of("Doubtful collateral prices", book, doubted, CASH, cite=cite),
    ]


def _confidences(held: Held) -> tuple[np.ndarray, np.ndarray]:
    """The lowest confidence behind each leg (H,) and balance (B,).

    An account's perpetual price lowers every expiry's confidence; collateral looks at its own and the spot's.
    """
    book, market = held.book, held.market
    own = market.column("confidence", 1.0)[book.legs.instrument]
    spot = np.append(np.nan_to_num(market.on_scope("index_confidence"), nan=1.0), 1.0)[held.scope]
    account = spot.copy()
    perps = np.flatnonzero(held.is_perp & (held.quantity != 0))
    np.minimum.at(account, book.legs.row[perps], own[perps])
    nets = book.split(held.ready.expiry_of)
    expiry = np.minimum(nets.least(np.where(held.is_option, own, np.inf)), account[nets.row])
    legs = np.where(held.is_option, expiry[nets.net], account[book.legs.row])
    assets = np.nan_to_num(market.asset_columns["confidence"], nan=1.0)[book.cash.asset]
    return legs, np.minimum(assets, spot[book.cash.row])


def _equity(held: Held) -> Line:
    """Mark-to-market value: cash, options, perpetual result, collateral."""
    book, legs = held.book, held.book.legs
    marks = np.where(held.is_option, legs.quantity * held.ready.unit[legs.instrument, -1], 0.0)
    result = np.where(held.is_perp, unrealised(book, held.market), legs.accrued)
    return Line.total(
        "Equity",
        Line.of("Cash", book, np.where(held.is_cash, book.cash.amount, 0.0), CASH),
        Line.of("Options", book, marks),
        Line.of("Perpetual result", book, result),
        Line.of("Collateral", book, held.collateral, CASH),
    )


def _worst_labels(grid: Grid, ready: Ready) -> np.ndarray:
    """Published number of the scenario that bound (R,): the number of scenarios where it is the basis term."""
    rows = np.arange(len(grid.pnl))
    label = grid.label[rows, np.maximum(grid.worst, 0)]
    return np.where(grid.worst == BASIS, (grid.label >= 0).sum(axis=1), label)


def _notes(held: Held) -> tuple[Note, ...]:
    """What the figures assume."""
    book, market = held.book, held.market
    silent = np.isnan(market.column("confidence"))[book.legs.instrument]
    where = book.sum(silent.astype(np.float64)) > 0
    notes = []
    if where.any():
        notes.append(Note("oracle confidence is not given for some instruments and taken as 1", "PMRM_2.sol", where))
    bare = book.sum((held.is_perp & np.isnan(book.legs.entry) & (book.legs.accrued == 0)).astype(np.float64)) > 0
    if bare.any():
        notes.append(Note("a perpetual has no entry price: its result since entry is not in equity", "", bare))
    settling = (market.seconds < SETTLING) & np.isnan(market.column("forward_fixed"))
    late = book.sum((settling & (market.kind == OPTION))[book.legs.instrument].astype(np.float64)) > 0
    if late.any():
        text = "within 30 minutes of expiry the fixed part of the forward is taken at the forward itself"
        notes.append(Note(f"{text}; give forward_fixed to state it", "PMRM_2.sol", late))
    return tuple(notes)


@portfolio.check
def check(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    """One underlying an account; collateral that the manager takes; not more expiries than it allows."""
    return [*_mixed(book, market), *_refused_collateral(book, market, p)]


def _mixed(book: Book, market: Market) -> list[tuple[Problem, np.ndarray]]:
    found = []
    legs, scope = book.legs, market.scope[book.legs.instrument]
    first = np.full(len(book), -1, np.int64)
    first[legs.row[::-1]] = scope[::-1]
    for h in np.flatnonzero(scope != first[legs.row])[:100]:
        r = legs.row[h]
        message = (
            f"{market.name[legs.instrument[h]]} is on {market.scopes[scope[h]]}, but account {book.account[r]} is on "
            f"{market.scopes[first[r]]}: the portfolio manager allows one underlying an account"
        )
        where = np.arange(len(book)) == r
        found.append(
            (Problem("positions", int(legs.sheet_row[h]), "instrument", None, message, book.account[r]), where)
        )
    return found


def _refused_collateral(book: Book, market: Market, p: Params) -> list[tuple[Problem, np.ndarray]]:
    found = []
    if not len(book.cash):
        return found
    covered = np.array([u in p.by for u in market.scopes], bool)
    scope = scope_of_rows(book, market)
    for h in range(len(book.cash)):
        r, name = book.cash.row[h], str(market.assets[book.cash.asset[h]])
        u = scope[r]
        if u >= 0 and not covered[u]:
            continue
        accepted = (
            {p.get("cash_asset", market.scopes[u]), *p.get("collateral", market.scopes[u])} if u >= 0 else {"USDC"}
        )
        if name.casefold() in {a.casefold() for a in accepted}:
            continue
        who = f"the {market.scopes[u]} manager" if u >= 0 else f"account {book.account[r]} without a manager"
        hint = nearest(name, accepted) or ("" if u >= 0 else "; name its manager in the accounts table")
        message = f"{name} is not collateral of {who}{hint}"
        where = np.arange(len(book)) == r
        found.append((Problem("balances", int(book.cash.sheet_row[h]), "asset", name, message, book.account[r]), where))
    return found
