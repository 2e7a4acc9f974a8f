import io
import json
import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pypdf
import pytest
import typst

from payments.receipts import render, statements, wording
from payments.receipts.content import ReceiptContent, ReceiptLine
from payments.receipts.render import render_pdf
from payments.receipts.wording import payment_method
from tests.receipts.receipt_samples import korean_receipt, us_receipt

SENTENCE = "No goods or services were provided in exchange for this contribution."


def text_of(pdf: bytes) -> str:
    """What a reader can copy out of the document, on one line, without the marks where words may break."""
    reader = pypdf.PdfReader(io.BytesIO(pdf))
    pages = " ".join(page.extract_text() for page in reader.pages)
    return " ".join(pages.replace("\u200b", "").split())


def tags_of(pdf: pikepdf.Pdf) -> Iterator[str]:
    """The structure types of the tag tree, outermost first."""
    waiting = [pdf.Root.StructTreeRoot]
    while waiting:
        element = waiting.pop()
        if isinstance(element, pikepdf.Array):
            waiting.extend(element)  # type: ignore[call-overload]
        elif isinstance(element, pikepdf.Dictionary):
            if "/S" in element:
                yield str(element.S)
            if "/K" in element:
                waiting.append(element.K)


def test_an_english_receipt_says_everything_the_law_and_the_donor_need():
    content = us_receipt()

    text = text_of(render_pdf(content).pdf)

    for said in (
        "DONATION RECEIPT",
        "Open Harbor",
        "1200 Seaside Avenue",
        "EIN 20-1234567",
        "Margaret O’Sullivan",
        "US-2026-000123",
        "March 3, 2026",
        "March 4, 2026",
        "Safe passage",
        "$200.00",
        "Where it is needed most",
        "Added to cover processing costs",
        "$7.50",
        "$257.50",
        "Visa ending 4242",
        "Given in honor of Grandma Rose",
        SENTENCE,
        "Hannah Song",
        "A7KQ-M2XP-9RTD",
    ):
        assert said in text


def test_a_korean_reader_of_a_us_receipt_gets_the_binding_sentence_and_its_translation():
    content = us_receipt(locale="ko", donor_name="김영희")

    text = text_of(render_pdf(content).pdf)

    assert "김영희 님" in text
    assert "US$257.50" in text
    assert "2026년 3월 3일" in text
    assert SENTENCE in text
    assert "이 기부의 대가로 제공된 재화나 용역은 없습니다." in text
    assert "한국 세법의 기부금 영수증을 대신하지 않습니다" in text


def test_a_won_gift_has_no_decimals_and_an_office_without_designation_gives_no_tax_receipt():
    content = korean_receipt()

    text = text_of(render_pdf(content).pdf)

    assert "₩50,000" in text
    assert "50,000.0" not in text
    assert "후원 확인서" in text
    assert "기부금 영수증이 아닙니다" in text
    assert "고유번호 123-82-45678" in text


def test_the_page_is_archival_tagged_and_names_its_language_and_title():
    content = korean_receipt()

    with pikepdf.open(io.BytesIO(render_pdf(content).pdf)) as pdf:
        metadata = pdf.open_metadata()
        tags = list(tags_of(pdf))
        language = str(pdf.Root.Lang)
        is_marked = bool(pdf.Root.MarkInfo.Marked)
        shows_title = bool(pdf.Root.ViewerPreferences.DisplayDocTitle)

    assert metadata.pdfa_status == "2A"
    assert metadata["pdfuaid:part"] == "1"
    assert metadata["dc:title"] == "후원 확인서 KR-2026-000007"
    assert language == "ko-KR"
    assert is_marked
    assert shows_title
    assert {"/H1", "/H2", "/Table", "/TH", "/TD"} <= set(tags)


def test_every_font_of_every_sample_is_embedded():
    contents = [us_receipt(), us_receipt(locale="ko"), korean_receipt(donor_name="선우 金永熙")]

    fonts = []
    for content in contents:
        for page in pypdf.PdfReader(io.BytesIO(render_pdf(content).pdf)).pages:
            fonts += [font.get_object() for font in page["/Resources"]["/Font"].values()]

    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile", "/FontFile2", "/FontFile3"} & set(descriptor)


def test_letter_paper_in_america_and_a4_in_korea():
    us, korean = us_receipt(), korean_receipt()

    us_box = pypdf.PdfReader(io.BytesIO(render_pdf(us).pdf)).pages[0].mediabox
    korean_box = pypdf.PdfReader(io.BytesIO(render_pdf(korean).pdf)).pages[0].mediabox

    assert (round(us_box.width), round(us_box.height)) == (612, 792)
    assert (round(korean_box.width), round(korean_box.height)) == (595, 842)


def test_the_same_content_is_the_same_bytes_in_another_process_and_time_zone():
    content = us_receipt(locale="ko", donor_name="김영희")
    program = (
        "import json, sys; from payments.receipts.content import ReceiptContent;"
        "from payments.receipts.render import render_pdf;"
        "print(render_pdf(ReceiptContent.from_json(json.load(sys.stdin))).pdf_sha256)"
    )

    elsewhere = subprocess.run(
        [sys.executable, "-c", program],
        input=json.dumps(content.to_json()),
        env=os.environ | {"TZ": "Pacific/Kiritimati", "PYTHONHASHSEED": "7"},
        cwd=Path(render.__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()

    assert elsewhere == render_pdf(content).pdf_sha256 == render_pdf(content).pdf_sha256


def test_the_document_is_dated_by_its_day_of_issue_and_not_by_the_clock():
    content = us_receipt()

    written = pypdf.PdfReader(io.BytesIO(render_pdf(content).pdf)).metadata

    assert written.creation_date == written.modification_date == datetime(2026, 3, 4, tzinfo=UTC)


def test_a_process_forked_after_rendering_is_told_so_instead_of_waiting_for_ever():
    program = (
        "import json, os, signal, sys; from payments.receipts.content import ReceiptContent\n"
        "from payments.receipts.render import render_pdf\n"
        "content = ReceiptContent.from_json(json.load(sys.stdin)); render_pdf(content)\n"
        "if os.fork(): sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))\n"
        "signal.alarm(20)\n"
        "try: render_pdf(content)\n"
        "except RuntimeError as told: os._exit(7 if 'forked' in str(told) else 1)\n"
    )

    parent = subprocess.run(
        [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program],
        input=json.dumps(us_receipt().to_json()),
        cwd=Path(render.__file__).parents[2],
        text=True,
        check=False,
    )

    assert parent.returncode == 7


def test_a_snapshot_reads_back_as_the_same_content():
    content = us_receipt()

    snapshot = json.loads(json.dumps(content.to_json()))

    assert ReceiptContent.from_json(snapshot) == content


@pytest.mark.parametrize(
    "name",
    [
        '#import "@preview/x:1": * ',
        "#panic()",
        "*bold* _it_ `raw` $1$ <label> @ref",
        "<b>Ann</b> & Sons // not a comment",
        "= Heading",
        'a"b\\c',
        "{name} {date} %s",
        "Nguyễn Văn Ạ · Łukasz Ščeřba",
        "Δημήτρης Иван",
        "선우 金永熙",
        "O'Brien—Müller",
    ],
)
def test_a_name_is_printed_as_typed_and_never_read_as_markup(name):
    content = us_receipt(donor_name=name, dedication_name=name)

    receipt = render_pdf(content)

    assert unicodedata.normalize("NFC", " ".join(name.split())) in text_of(receipt.pdf)
    assert not receipt.is_plain_pdf


@pytest.mark.parametrize("name", ["محمد بن عبد الله", "שרה כהן", "Sarah שרה (Smith)"])
def test_a_right_to_left_name_keeps_the_archival_page_and_the_amount_readable(name):
    content = us_receipt(donor_name=name)

    receipt = render_pdf(content)

    assert "$257.50" in text_of(receipt.pdf)
    assert not receipt.is_plain_pdf


@pytest.mark.parametrize(
    ("typed", "printed"),
    [
        ("Ann\r\nBcc: x@example.com", "Ann Bcc: x@example.com"),
        ("Ann\x00Lee\x07", "Ann Lee"),
        ("\ufeffAnn \u202eeeL\u202c", "Ann eeL"),
        ("\u1100\u1175\u11b7\u110b\u1167\u11bc\u1112\u1174", "김영희"),
        ("Ann\ud83d", "Ann"),
    ],
)
def test_what_cannot_be_seen_is_not_printed(typed, printed):
    content = us_receipt(donor_name=typed)

    receipt = render_pdf(content)

    assert printed in text_of(receipt.pdf)
    assert not receipt.is_plain_pdf


@pytest.mark.parametrize("name", ["Sunny 😀", "สมชาย ใจดี", "赵小明", "Ann \ue000"])
def test_a_letter_outside_our_fonts_gives_a_flagged_plain_page_rather_than_none(name):
    content = us_receipt(donor_name=name)

    receipt = render_pdf(content)

    assert receipt.is_plain_pdf
    assert SENTENCE in text_of(receipt.pdf)
    with pikepdf.open(io.BytesIO(receipt.pdf)) as pdf:
        assert "/StructTreeRoot" in pdf.Root


@pytest.mark.parametrize("name", ["x" * 300, "Wolfeschlegelsteinhausen " * 12, "김영희" * 100])
def test_three_hundred_letters_stay_inside_the_page(name):
    content = us_receipt(donor_name=name, dedication_name=name)

    pdf = render_pdf(content).pdf

    words = subprocess.run(
        ["pdftotext", "-bbox", "-", "-"], input=pdf, capture_output=True, check=True
    ).stdout.decode()
    right_edges = [float(part.split('"')[0]) for part in words.split('xMax="')[1:]]
    assert max(right_edges) < 612 - 60
    assert name.replace(" ", "") in text_of(pdf).replace(" ", "")


def test_forty_funds_flow_to_a_second_page_that_counts_itself():
    lines = tuple(ReceiptLine(fund_name=f"Fund {place}", amount_minor=1000) for place in range(40))
    content = us_receipt(lines=lines, amount_minor=40_000)

    text = text_of(render_pdf(content).pdf)

    assert "Fund 39" in text
    assert "Page 2 of 2" in text


def test_the_hanja_of_our_fonts_have_ink():
    # Some free fonts map Hanja to empty outlines: the text can be copied and nothing is seen.
    layout = '#set text(font: ("Pretendard", "NanumBarunGothic"))\n#set page(width: auto, height: auto)\n'

    seen = {name: shapes(layout + name) for name in ("金", "永", "熙", "김")}

    assert all(seen.values())


def shapes(source: str) -> int:
    fonts = typst.Fonts(include_system_fonts=False, font_paths=[Path(render.__file__).parent / "fonts"])
    svg = typst.compile(source.encode(), format="svg", font_paths=fonts, ignore_system_fonts=True)
    return bytes(svg).count(b'd="M')


@pytest.mark.parametrize(
    ("kind", "brand", "last4", "said"),
    [
        ("card", "visa", "4242", "Visa ending 4242"),
        ("card", "amex", None, "American Express card"),
        ("card", "brand_of_2031", "0005", "Card ending 0005"),
        ("card", None, None, "Card"),
        ("us_bank_account", None, "6789", "US bank account ending 6789"),
        ("us_bank_account", None, None, "US bank account (ACH)"),
        ("kakao_pay", None, None, "Kakao Pay"),
        ("method_of_2031", None, "1234", "Online payment"),
    ],
)
def test_a_payment_method_is_named_as_its_owner_knows_it(kind, brand, last4, said):
    content = us_receipt(method_kind=kind, card_brand=brand, last4=last4)

    assert payment_method(content) == said


def test_lines_that_do_not_make_the_gift_are_refused():
    with pytest.raises(ValueError, match="lines make 25750, the gift was 25751"):
        us_receipt(amount_minor=25751)


def test_a_sentence_nobody_reviewed_is_never_printed():
    with pytest.raises(statements.UnknownStatement, match="no statutory sentence us_made_up version 1"):
        render_pdf(us_receipt(statement_code="us_made_up"))

    with pytest.raises(statements.UnknownStatement):
        statements.current("us_made_up")


def test_every_language_has_the_same_words():
    english, korean = wording.words("en"), wording.words("ko")

    assert {section: set(said) for section, said in english.items()} == {
        section: set(said) for section, said in korean.items()
    }


def test_a_colour_that_is_none_falls_back_to_ours():
    entity = us_receipt().entity
    odd = us_receipt(entity=entity.__class__(**entity.__dict__ | {"accent_colour": 'red"); #panic('}))

    assert render_pdf(odd).pdf == render_pdf(us_receipt()).pdf
