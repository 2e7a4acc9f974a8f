"""Statutory sentences: every sentence of legal weight a receipt may print, reviewed in this one file.

A receipt names its sentence by code and version, never by free text, so that an issued receipt can
always be traced to the wording that was in force. A changed wording is a new version beside the old
one; the old one stays for as long as receipts that carry it are kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from payments.errors import PersonMustLook


class UnknownStatement(PersonMustLook):
    """No reviewed sentence has this code and version, and none is ever made up."""

    def __init__(self, code: str, version: int | None = None) -> None:
        wanted = code if version is None else f"{code} version {version}"
        super().__init__(f"no statutory sentence {wanted}: add it to receipts/statements.py after review")
        self.code = code
        self.version = version


@dataclass(frozen=True, kw_only=True)
class Statement:
    """One reviewed wording. `sentence` and `title` are by language; only `legal_language` binds."""

    code: str
    version: int
    legal_language: str
    is_tax_receipt: bool
    title: Mapping[str, str]
    """What the document may call itself. In Korea 기부금 영수증 is the name of the statutory form, so a
    body that is not designated, and a foreign one, never prints those words as a title."""
    sentence: Mapping[str, str]
    note: Mapping[str, str] = field(default_factory=dict)
    """What readers of a language must not misunderstand, such as a foreign receipt's limits."""
    source: str
    """Where the wording comes from, for the next reviewer."""


CATALOGUE: tuple[Statement, ...] = (
    Statement(
        code="us_no_goods_or_services",
        version=1,
        legal_language="en",
        is_tax_receipt=True,
        title={"en": "Donation receipt", "ko": "후원금 영수증"},
        sentence={
            "en": "No goods or services were provided in exchange for this contribution.",
            "ko": "이 기부의 대가로 제공된 재화나 용역은 없습니다.",
        },
        note={"ko": "미국 세법에 따른 영수증으로, 한국 세법의 기부금 영수증을 대신하지 않습니다."},
        source=(
            "IRS Publication 1771 (Rev. 3-2016), Written Acknowledgment: a statement that no goods or"
            " services were provided by the organization, if that was the case; IRC 170(f)(8)(B)(ii)"
        ),
    ),
    Statement(
        code="kr_not_designated",
        version=1,
        legal_language="ko",
        is_tax_receipt=False,
        title={"en": "Confirmation of your gift", "ko": "후원 확인서"},
        sentence={
            "en": (
                "This document confirms your gift. It is not a donation receipt under Korean tax law and"
                " cannot be used to claim a tax credit or deduction."
            ),
            "ko": (
                "이 확인서는 후원 사실을 확인해 드리는 문서이며, 세법에서 정한 기부금 영수증이 아닙니다."
                " 세액공제나 소득공제를 신청하는 데 사용하실 수 없습니다."
            ),
        },
        source=(
            "Income Tax Act art. 34 and Corporate Tax Act art. 24: only designated bodies issue the form"
            " of annex 45-2 / 63-3. To be confirmed by Korean counsel before the first real use"
        ),
    ),
    Statement(
        code="none",
        version=1,
        legal_language="en",
        is_tax_receipt=False,
        title={"en": "Confirmation of your gift", "ko": "후원 확인서"},
        sentence={
            "en": "This document confirms your gift. It is not a receipt for tax purposes.",
            "ko": "이 확인서는 후원 사실을 확인해 드리는 문서이며, 세금 신고용 영수증이 아닙니다.",
        },
        source="Not statutory: a thank-you without tax language, such as for a donor-advised fund's gift",
    ),
)

_BY_CODE_AND_VERSION = {(statement.code, statement.version): statement for statement in CATALOGUE}


def find(code: str, version: int) -> Statement:
    """The wording a receipt was issued with."""
    try:
        return _BY_CODE_AND_VERSION[code, version]
    except KeyError:
        raise UnknownStatement(code, version) from None


def current(code: str) -> Statement:
    """The wording a receipt issued now must carry: the newest version."""
    versions = [statement for statement in CATALOGUE if statement.code == code]
    if not versions:
        raise UnknownStatement(code)
    return max(versions, key=lambda statement: statement.version)
