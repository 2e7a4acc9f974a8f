"""The same receipt through WeasyPrint: an HTML twin of our page, tagged, with the same fonts.

It is given every advantage a careful user would take: one process for all pages, the stylesheet parsed
once, the fonts configured once. Runs in the rivals' environment: pages come as JSON lines from a file,
and each `{"from": …, "to": …}` on standard input is one round.
"""

import json
import resource
import sys
import time
from html import escape
from pathlib import Path
from typing import Any

from weasyprint import CSS, HTML
from weasyprint.text.fonts import FontConfiguration

STYLE = """
@font-face { font-family: Body; src: url("%(fonts)s/Pretendard-Regular.otf"); font-weight: 400 }
@font-face { font-family: Body; src: url("%(fonts)s/Pretendard-SemiBold.otf"); font-weight: 600 }
@font-face { font-family: Hanja; src: url("%(fonts)s/NanumBarunGothic.ttf") }
@page {
  size: letter; margin: 9mm 9mm 21mm; border: .9pt solid #1f5b52; padding: 14mm 18mm 2mm;
  @bottom-center { content: element(foot) }
}
html { font: 9.5pt/1.45 Body, Hanja, serif; color: #23282b }
body, p { margin: 0 }
footer { position: running(foot); font-size: 7.6pt; color: #5b6468; text-align: center }
header, .gift { text-align: center }
.mark {
  display: inline-block; width: 11mm; line-height: 11mm; border-radius: 50%%;
  background: #1f5b52; color: #fff; font-size: 15pt;
}
.entity { font-size: 17pt; font-weight: 600; margin: 3mm 0 0 }
.quiet { color: #5b6468; margin: 2.8mm 0 0 }
.gift { margin: 5mm 0 }
h1 { font-size: 10pt; letter-spacing: .06em; color: #1f5b52 }
.donor { font-size: 23pt; font-weight: 600; margin: 4mm 0 }
.amount { font-size: 36pt; font-weight: 600; color: #1f5b52; margin: 4mm 0 }
.facts { display: flex; border: solid #9ab7b1; border-width: .4pt 0; padding: 2.6mm 0 }
.facts div { flex: 1 }
.facts span { display: block; font-size: 7.6pt; color: #5b6468 }
table { width: 100%%; border-collapse: collapse; margin: 3.6mm 0 8mm }
th { font-weight: 400; font-size: 7.6pt; color: #5b6468; text-align: left; border-bottom: .4pt solid #9ab7b1 }
td, th { padding: 1.7mm 0 }
td + td, th + th { text-align: right }
tfoot td { font-weight: 600; border-top: .8pt solid #1f5b52 }
.law { border-left: 1.6pt solid #1f5b52; padding-left: 4mm }
h2 { font-size: 9.5pt; color: #1f5b52; margin: 0 0 2mm }
.check { float: left; font-size: 7.6pt } .check svg { width: 19mm; height: 19mm }
.sign { width: 62mm; margin: 0 0 0 auto; text-align: center }
.sign b { display: block; font-weight: 400; font-size: 13pt; border-bottom: .5pt solid #23282b }
"""


def main(pages_file: str, fonts: str, sample_file: str) -> None:
    """Render the rounds that are asked for and answer each with its CPU and wall seconds."""
    pages = [json.loads(line) for line in Path(pages_file).read_text(encoding="utf-8").splitlines()]
    font_config = FontConfiguration()
    style = CSS(string=STYLE % {"fonts": Path(fonts).as_uri()}, font_config=font_config)
    for line in sys.stdin:
        asked = json.loads(line)
        cpu, wall = time.process_time(), time.perf_counter()
        for page in pages[asked["from"] : asked["to"]]:
            pdf = HTML(string=as_html(page)).write_pdf(
                stylesheets=[style], font_config=font_config, pdf_variant=asked["variant"], pdf_tags=True
            )
            Path(sample_file).write_bytes(pdf)
        answer = {
            "cpu": time.process_time() - cpu,
            "wall": time.perf_counter() - wall,
            "peak_kib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
        }
        print(json.dumps(answer), flush=True)


def as_html(page: dict[str, Any]) -> str:
    """The twin of templates/receipt.typ, from the same words."""
    said = {key: escape(value) for key, value in page.items() if isinstance(value, str)}
    facts = "".join(
        f"<div><span>{escape(fact['label'])}</span><b>{escape(fact['value'])}</b></div>"
        for fact in page["facts"]
    )
    lines = "".join(
        f"<tr><td>{escape(part['label'])}<td>{escape(part['amount'])}</tr>" for part in page["lines"]
    )
    totals = "".join(
        f"<tr><td>{escape(part['label'])}<td>{escape(part['amount'])}</tr>" for part in page["totals"]
    )
    statement, check = page["statement"], page["verification"]
    translated = "".join(
        f"<p>{escape(statement[key])}</p>" for key in ("translation", "note") if statement[key]
    )
    dedication = f"<p>{said['dedication']}</p>" if page["dedication"] else ""
    entity, signatory = page["entity"], page["signatory"]
    return f"""<!doctype html><html lang="{said["lang"]}"><head><meta charset="utf-8">
<title>{said["title"]} {said["number"]}</title></head><body>
<footer>{"<br>".join(escape(line) for line in page["footer"])}</footer>
<header><span class="mark">{escape(entity["initial"])}</span>
<p class="entity">{escape(entity["name"])}</p><p class="quiet">{escape(entity["address"])}</p></header>
<section class="gift"><h1>{said["title"]}</h1><p class="quiet">{said["greeting"]}</p>
<p class="donor">{said["donor"]}</p><p class="quiet">{said["gave"]}</p>
<p class="amount">{said["amount"]}</p><p class="quiet">{said["received-on"]}</p>{dedication}</section>
<div class="facts">{facts}</div>
<table><thead><tr><th>{said["fund-label"]}<th>{said["amount-label"]}</tr></thead>
<tbody>{lines}</tbody>
<tfoot>{totals}</tfoot></table>
<section class="law"><h2>{said["records-label"]}</h2><p>{escape(statement["text"])}</p>{translated}
<p class="quiet">{said["questions"]}</p></section>
<div class="check">{check["qr"]}<p>{escape(check["code"])}</p><p>{escape(check["hint"])}</p></div>
<div class="sign"><b>{escape(signatory["name"])}</b>{escape(signatory["title"])}</div>
</body></html>"""


if __name__ == "__main__":
    main(*sys.argv[1:])
