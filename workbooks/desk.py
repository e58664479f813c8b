"""The sample desks: workbooks of positions and a market that hold every table as a user would fill it.

``python -m xlmargin.workbooks.desk`` writes them anew from desk.toml and desk_eth.toml, byte for byte the same. The
market is real and its source stands in the TOML and on the sheet "about"; the holdings are examples.
"""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Any

import xlsxwriter

from ..schemas import REQUIRED, Column, schema
from .report_paper import Exact

HERE = Path(__file__).parent
SOURCES = ("desk.toml", "desk_eth.toml")
MOMENT = "yyyy-mm-dd hh:mm:ss"
FORMATS = {
    "expiry": MOMENT,
    "as_of": MOMENT,
    "quantity": "#,##0.####",
    "entry_price": "#,##0.00",
    "amount": "#,##0.00##",
    "price": "#,##0.00##",
    "strike": "#,##0",
    "mark": "#,##0.00",
    "iv": "0.00%",
    "forward": "#,##0.00",
    "index": "#,##0.00",
    "rate": "0.00%",
    "confidence": "0.00",
    "index_confidence": "0.00",
}
WIDTHS = {
    "instrument": 25,
    "strategy": 84,
    "expiry": 19,
    "as_of": 19,
    "account": 18,
    "assumed": 44,
    "index_confidence": 18,
}
NARROW = 12.5
CREATED = dt.datetime(2026, 11, 25)
HEAD = {"bold": True, "bg_color": "#DDE4EC", "bottom": 1, "valign": "vcenter"}
COMMENT = {"x_scale": 1.5, "y_scale": 0.7, "font_size": 9}
OWN_COLUMNS = {
    "manager": "underlying of the portfolio manager; a setting of derive.portfolio",
    "strategy": "what the account is meant to show; not read",
    "assumed": "why this price is an assumption; not read",
}


def load(name: str) -> dict[str, Any]:
    """A desk's source as it stands in the TOML of that name beside this module."""
    with (HERE / name).open("rb") as file:
        return tomllib.load(file)


def tables(desk: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Every table of a desk as rows by column, times as UTC without zone, as Excel keeps them.

    >>> [row["account"] for row in tables(load("desk_eth.toml"))["accounts"]]
    ['Collar', 'Hedged', 'Iron fly']
    """
    return {
        "positions": [row for account in desk["account"] for row in _positions(account)],
        "balances": [
            {"account": account["name"], "asset": asset, "amount": amount}
            for account in desk["account"]
            for asset, amount in account["balances"].items()
        ],
        "instruments": [_perpetual(desk), *_options(desk)],
        "assets": [_asset(a) for a in desk["asset"]],
        "accounts": [
            {"account": a["name"], "venue": "derive", "manager": desk["underlying"], "strategy": a["strategy"]}
            for a in desk["account"]
        ],
    }


def _asset(asset: dict[str, Any]) -> dict[str, Any]:
    own = {name: asset.get(name) for name in ("price", "follows", "assumed")}
    return {"asset": asset["name"], **own}


def _positions(account: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "account": account["name"],
            "instrument": name,
            "quantity": quantity,
            "entry_price": entry[0] if entry else None,
        }
        for name, quantity, *entry in account["positions"]
    ]


def _common(desk: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "kind": kind,
        "underlying": desk["underlying"],
        "settle": "USDC",
        "index": desk["index"],
        "index_confidence": desk["confidence"]["index"],
        "as_of": desk["as_of"].replace(tzinfo=None),
    }


def _perpetual(desk: dict[str, Any]) -> dict[str, Any]:
    own = {"mark": desk["perpetual"], "confidence": desk["confidence"]["perpetual"]}
    return {"instrument": f"{desk['underlying']}-PERP", **own, **_common(desk, "perp")}


def _options(desk: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "instrument": f"{desk['underlying']}-{expiry['at']:%Y%m%d}-{strike}-{letter}",
            "expiry": expiry["at"].replace(tzinfo=None),
            "strike": float(strike),
            "option_type": letter,
            "iv": iv,
            "forward": expiry["forward"],
            "rate": expiry["rate"],
            "confidence": desk["confidence"]["option"],
            **_common(desk, "option"),
        }
        for expiry in desk["expiry"]
        for strike, iv in expiry["volatility"].items()
        for letter in "CP"
    ]


def write(desk: dict[str, Any], path: Path) -> Path:
    """Write a desk as a workbook: a sheet that says what it is, then a sheet a table."""
    with xlsxwriter.Workbook(str(path), {"strings_to_formulas": False, "strings_to_urls": False}) as book:
        book.set_properties({"title": desk["title"], "comments": desk["source"], "created": CREATED})
        _about(book, desk)
        for name, rows in tables(desk).items():
            _sheet(book, name, rows)
    return path


def _about(book: Any, desk: dict[str, Any]) -> None:
    sheet = book.add_worksheet("about")
    sheet.hide_gridlines(2)
    sheet.set_column(0, 0, 18)
    sheet.set_column(1, 1, 110)
    wrap, label = (
        book.add_format({"text_wrap": True, "valign": "top"}),
        book.add_format({"bold": True, "valign": "top"}),
    )
    sheet.write_string(0, 0, desk["title"], book.add_format({"bold": True, "font_size": 16}))
    for r, (head, text) in enumerate(_words(desk), start=2):
        sheet.write_string(r, 0, head, label)
        sheet.write_string(r, 1, text, wrap)
        sheet.set_row(r, 15 * (1 + len(text) // 118))
    _printed(sheet)


def _words(desk: dict[str, Any]) -> list[tuple[str, str]]:
    assumed = "; ".join(f"{a['name']} {a['assumed']}" for a in desk["asset"] if "assumed" in a)
    run = f"xlmargin report {desk['file']} --model {desk['model']} -o report.xlsx"
    accounts = [(a["name"], a["strategy"]) for a in desk["account"]]
    return [
        ("What", "A sample desk: the market is real, the holdings are examples. Change any cell and run again."),
        ("Run", run),
        ("Market time", f"{desk['as_of']:%Y-%m-%d %H:%M:%S} UTC"),
        ("Source", desk["source"]),
        ("Assumed", assumed or "nothing: every price is from the source"),
        (
            "Sheets",
            "positions and balances: who holds what · instruments and assets: what it is worth · accounts: where",
        ),
        ("", ""),
        *accounts,
    ]


def _sheet(book: Any, name: str, rows: list[dict[str, Any]]) -> None:
    columns = {column.name: column for column in schema(name)}
    sheet = book.add_worksheet(name)
    headers = _headers([*columns], rows)
    for c, header in enumerate(headers):
        side: dict[str, Any] = {"align": "right"} if header in FORMATS else {"align": "left", "indent": 1}
        style = book.add_format({"num_format": FORMATS.get(header, "General"), **side})
        sheet.set_column(c, c, WIDTHS.get(header, NARROW))
        sheet.write_string(0, c, header, book.add_format(HEAD | side))
        sheet.write_comment(0, c, _comment(header, columns.get(header)), COMMENT)
        for r, row in enumerate(rows, start=1):
            _cell(sheet, r, c, row.get(header), style)
    sheet.freeze_panes(1, 1 + (headers[0] == "account" and len(headers) > 2))
    sheet.autofilter(0, 0, len(rows), len(headers) - 1)
    _printed(sheet)


def _headers(known: list[str], rows: list[dict[str, Any]]) -> list[str]:
    """Columns that hold anything: whose it is first, then in the schema's order, then what is not read."""
    given = dict.fromkeys(c for row in rows for c, value in row.items() if value is not None)
    order = ["account", *(c for c in known if c != "account"), *(c for c in given if c not in known)]
    return [c for c in dict.fromkeys(order) if c in given]


def _comment(header: str, column: Column | None) -> str:
    if column is None:
        return OWN_COLUMNS[header]
    need = " (required)" if column.need == REQUIRED else ""
    words = [f"{column.meaning}{need}", f"unit: {column.unit}" if column.unit else ""]
    return "\n".join([*filter(None, words), f"one of {', '.join(column.choices)}" if column.choices else ""]).strip()


def _cell(sheet: Any, r: int, c: int, value: Any, style: Any) -> None:
    if isinstance(value, dt.datetime):
        sheet.write_datetime(r, c, value, style)
    elif isinstance(value, str):
        sheet.write_string(r, c, value, style)
    elif value is not None:
        sheet.write_number(r, c, Exact(value), style)


def _printed(sheet: Any) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&A&R&P / &N")


def main() -> None:
    """Write every sample desk anew, beside its source."""
    for name in SOURCES:
        desk = load(name)
        print(write(desk, HERE / desk["file"]))


if __name__ == "__main__":
    main()
