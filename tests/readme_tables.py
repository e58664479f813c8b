"""Write README's generated tables: the rulebooks of the registry and the evidence behind them (`make readme`)."""

import re
from pathlib import Path

import xlmargin as xm
from tests import evidence
from xlmargin.params import versions

README = Path(__file__).parents[1] / "README.md"


def rulebooks() -> str:
    """A row per rulebook: what it is, since when its parameters are dated, how sure."""
    lines = ["| model | what | parameters | how sure |", "| --- | --- | --- | --- |"]
    for model in map(xm.model, xm.models()):
        dates = versions(model.file)
        span = f"{len(dates)} from {dates[0]:%Y-%m} to {dates[-1]:%Y-%m}" if len(dates) > 1 else f"{dates[0]:%Y-%m}"
        lines.append(f"| `{model.id}` | {model.title or model.summary} | {span} | {model.evidence} |")
    return "\n".join(lines)


def section(text: str, name: str) -> str:
    """What stands between the markers of a generated section."""
    return re.search(rf"<!-- {name}: .*? -->\n(.*?)<!-- /{name} -->", text, re.DOTALL).group(1).strip()


def filled(text: str, name: str, table: str) -> str:
    """README with a generated section replaced."""
    pattern = rf"(<!-- {name}: .*? -->\n).*?(<!-- /{name} -->)"
    return re.sub(pattern, lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.DOTALL)


if __name__ == "__main__":
    text = README.read_text(encoding="utf-8")
    text = filled(text, "rulebooks", rulebooks())
    text = filled(text, "evidence", evidence.table(list(evidence.gather())))
    README.write_text(text, encoding="utf-8")
