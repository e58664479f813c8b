"""The words of ISDA's Common Risk Interchange Format: risk types, labels, regulations, currencies.

Source: ISDA SIMM Methodology, Risk Data Standards 1.36 (2017-02-01) for names and units; the loader of
OpenSourceRisk/Engine@b1f239332fdd (orea/simm/crifloader.cpp) for spellings forgiven and the order of regulations.
"""

from __future__ import annotations

from dataclasses import dataclass

from .errors import nearest

TWELVE = ("2w", "1m", "3m", "6m", "1y", "2y", "3y", "5y", "10y", "15y", "20y", "30y")
FIVE = ("1y", "2y", "3y", "5y", "10y")
SUBCURVES = ("OIS", "Libor1m", "Libor3m", "Libor6m", "Libor12m", "Prime", "Municipal")
PRODUCT_CLASSES = ("RatesFX", "Credit", "Equity", "Commodity")
SCHEDULE_CLASSES = ("Rates", "FX", "Credit", "Equity", "Commodity", "Other")
RESIDUAL = "Residual"
SIMM, SCHEDULE = "SIMM", "Schedule"
RECEIVED, POSTED = "SIMM-R", "SIMM-P"
IM_MODELS = (SIMM, SCHEDULE, RECEIVED, POSTED)
EXCLUDED, UNSPECIFIED, UNSEGREGATED = "Excluded", "Unspecified", "SEC-unseg"
REGULATIONS = (
    *("APRA", "CFTC", "ESA", "FINMA", "KFSC", "HKMA", "JFSA", "MAS", "OSFI", "RBI", "SEC", UNSEGREGATED, "USPR"),
    *("NONREG", "BACEN", "SANT", "SFC", "UK", "AMFQ", "BANX", "OJK", "Included", UNSPECIFIED, EXCLUDED),
)
# ISO 4217 list one, with codes that recent files still carry (HRK, BGN, ZWL, SLL …) and offshore renminbi.
_ISO_4217 = """
AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF
CLF CLP CNH CNY COP COU CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD
HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL
LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR
PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP
TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XAG XAU XCD XCG XOF XPD XPF XPT YER ZAR ZMW ZWG ZWL
"""
CURRENCIES = frozenset(_ISO_4217.split())
SAME_CURRENCY = {"CNH": "CNY"}
LONGEST = 40


@dataclass(frozen=True)
class RiskType:
    """What the columns of one risk type must hold.

    ``qualifier`` is "currency", "pair", "name", "class" (a product class), "product" or "" (ignored); ``label1``
    the tenors allowed (none: ignored); ``label2`` "subcurve", "free" or "" (ignored); ``product`` whether a product
    class is "needed" or must be "empty"; ``money`` whether the amount is money.
    """

    qualifier: str
    label1: tuple[str, ...] = ()
    label2: str = ""
    bucket: bool = False
    product: str = "needed"
    money: bool = True


RISK_TYPES: dict[str, RiskType] = {
    "Risk_IRCurve": RiskType("currency", TWELVE, "subcurve"),
    "Risk_Inflation": RiskType("currency"),
    "Risk_XCcyBasis": RiskType("currency"),
    "Risk_IRVol": RiskType("currency", TWELVE),
    "Risk_InflationVol": RiskType("currency", TWELVE),
    "Risk_CreditQ": RiskType("name", FIVE, "free", bucket=True),
    "Risk_CreditVol": RiskType("name", FIVE, "free", bucket=True),
    "Risk_CreditNonQ": RiskType("name", FIVE, "free", bucket=True),
    "Risk_CreditVolNonQ": RiskType("name", FIVE, "free", bucket=True),
    "Risk_BaseCorr": RiskType("name"),
    "Risk_Equity": RiskType("name", bucket=True),
    "Risk_EquityVol": RiskType("name", TWELVE, bucket=True),
    "Risk_Commodity": RiskType("name", bucket=True),
    "Risk_CommodityVol": RiskType("name", TWELVE, bucket=True),
    "Risk_FX": RiskType("currency"),
    "Risk_FXVol": RiskType("pair", TWELVE),
    "Param_ProductClassMultiplier": RiskType("class", product="empty", money=False),
    "Param_AddOnNotionalFactor": RiskType("product", product="empty", money=False),
    "Param_AddOnFixedAmount": RiskType("", product="empty"),
    "Notional": RiskType("product", product="empty"),
    "PV": RiskType("", product="empty"),
}


def _quoted(word: str) -> str:
    """A word as a message shows it, not longer than a line."""
    return repr(word if len(word) <= LONGEST else f"{word[:LONGEST]}…")


def one_of(word: str, allowed: tuple[str, ...], what: str) -> str:
    """``word`` as ``allowed`` spells it; anything else is a ValueError that names the nearest.

    >>> one_of("LIBOR3M", SUBCURVES, "a sub-curve")
    'Libor3m'
    """
    found = {a.casefold(): a for a in allowed}.get(word.casefold().replace("_", "-"))
    found = found or {a.casefold(): a for a in allowed}.get(word.casefold())
    if found is None:
        given = f"{_quoted(word)} is not {what}" if word else f"empty; needed: {what}"
        raise ValueError(f"{given} ({', '.join(allowed)}){nearest(word, allowed) if word else ''}")
    return found


def currency(word: str) -> str:
    """An ISO 4217 code in capitals; offshore renminbi counts as CNY.

    >>> currency("cnh")
    'CNY'
    """
    code = word.upper()
    if code not in CURRENCIES:
        given = f"{_quoted(word)} is not a currency code" if word else "empty; needed: a currency code"
        raise ValueError(f"{given} of ISO 4217{nearest(code, CURRENCIES) if word else ''}")
    return SAME_CURRENCY.get(code, code)


def pair(word: str) -> str:
    """Two currencies in the order of the alphabet: their order and what stands between them do not matter.

    >>> pair("USD/EUR"), pair("EURUSD")
    ('EURUSD', 'EURUSD')
    """
    letters = "".join(ch for ch in word if ch.isalpha())
    if len(letters) != 6:
        raise ValueError(f"{_quoted(word)} is not a pair of currencies (six letters, such as EURUSD)")
    first, second = sorted((currency(letters[:3]), currency(letters[3:])))
    if first == second:
        raise ValueError(f"{_quoted(word)}: both currencies are {first}")
    return first + second


def regulations(word: str) -> str:
    """A list of regulations in the fixed order, joined by commas; nothing where none or only Unspecified is named.

    >>> regulations("USPR, esa;sec_unseg"), regulations("Unspecified"), regulations("Excluded, ESA")
    ('ESA,SEC-unseg,USPR', '', 'ESA')
    """
    text = word.strip("[](){} ")
    for mark in ";|":
        text = text.replace(mark, ",")
    named = {one_of(part.strip(" '\""), REGULATIONS, "a regulation") for part in text.split(",") if part.strip(" '\"")}
    named -= {UNSPECIFIED}
    if len(named) > 1:
        named -= {EXCLUDED}
    return ",".join(r for r in REGULATIONS if r in named)
