"""`/api/v1/donors/…/merge`: two records of the same donor are made one, rehearsed first; and two again.

Which records are one person's is said by a person. A rehearsal tells what would move, and why it cannot be
done where it cannot.
"""

from typing import Annotated, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from payments.api.problems import documented
from payments.api.sent import Sent
from payments.dependencies import DatabaseSession, staff_with
from payments.privacy import likely, merge_plan, merging, unmerging
from payments.privacy.likely import Pair
from payments.privacy.merge_plan import MAY_MERGE, Part, Plan, Side
from payments.privacy.searching import MAY_SEE_NAMES
from payments.staff.models import StaffMember

router = APIRouter(tags=["donors"])

Merger = Annotated[StaffMember, staff_with(*MAY_MERGE)]
ReaderOfNames = Annotated[StaffMember, staff_with(*MAY_SEE_NAMES)]


class MergeSent(Sent):
    """Which record goes into the one of the address, and what the donor has from it."""

    model_config = ConfigDict(
        str_max_length=1000,
        json_schema_extra={
            "examples": [{"gone": "dnr_5b2e…", "reason": "She wrote that both addresses are hers."}]
        },
    )

    gone: str = Field(description="The record that goes. Its address leads to the donor from now on.")
    reason: str = Field(description="Why, without a name; it stands in the audit log.")
    take: list[Part] = Field(
        default_factory=list,
        description="What the donor has from the record that goes; what is not named stays as it is.",
    )
    mistyped: bool = Field(
        default=False,
        description="Its address is a stranger's: it leads nowhere, and links mailed there end.",
    )
    is_rehearsal: bool = Field(
        default=True, description="Only say what would be done. False does it, and needs no rehearsal before."
    )


class RecordShown(BaseModel):
    """One of the two."""

    id: str
    name: str
    email: str
    locale: str
    postal_address: list[str] | None

    @classmethod
    def of(cls, side: Side) -> "RecordShown":
        """As it stood before."""
        home = side.postal_address
        return cls(
            id=side.id,
            name=side.name,
            email=side.email,
            locale=side.locale,
            postal_address=list(home) if home is not None else None,
        )


class MovingShown(BaseModel):
    """Rows of one kind, and what becomes of them."""

    what: str
    ids: list[str]
    becomes: str


class PlanShown(BaseModel):
    """What a merge moves."""

    kept: RecordShown
    gone: RecordShown
    taken: list[Part]
    moves: list[MovingShown]
    remarks: list[str]
    refusals: list[str] = Field(description="Why it cannot be done. Empty where it can.")

    @classmethod
    def of(cls, plan: Plan) -> "PlanShown":
        """The plan as JSON."""
        return cls(
            kept=RecordShown.of(plan.kept),
            gone=RecordShown.of(plan.gone),
            taken=list(plan.taken),
            moves=[
                MovingShown(what=moving.what, ids=list(moving.ids), becomes=moving.becomes)
                for moving in plan.moves
            ],
            remarks=list(plan.remarks),
            refusals=list(plan.refusals),
        )


class MergeShown(BaseModel):
    """A merge, rehearsed or done."""

    status: Literal["rehearsed", "merged", "merged_before"]
    merge: str | None = Field(description="The id of the merge; null for a rehearsal.")
    plan: PlanShown | None = Field(description="Null where it had been done before: nothing moved now.")


class UnmergeSent(Sent):
    """Why a merge is taken back."""

    model_config = ConfigDict(str_max_length=1000)

    reason: str = Field(examples=["They are mother and daughter."])


class PartedShown(BaseModel):
    """What went back."""

    merge: str
    kept: str
    gone: str
    gifts: list[str]
    monthly_gifts: list[str]
    statements: list[str] = Field(description="Numbers of those that are void now and replaced.")
    stays: list[str] = Field(description="Gifts that came since and stay with the donor who stayed.")
    remarks: list[str]


class PairShown(BaseModel):
    """Two records that may be one donor's."""

    one: str
    one_name: str
    one_email: str
    one_gifts: int
    other: str
    other_name: str
    other_email: str
    other_gifts: int
    why: str

    @classmethod
    def of(cls, pair: Pair) -> "PairShown":
        """As a list shows it."""
        return cls(**{name: getattr(pair, name) for name in cls.model_fields})


class PairsListed(BaseModel):
    """Suggestions, and nothing else."""

    pairs: list[PairShown]


@router.post(
    "/donors/doubles", responses=documented(401, 403, 503), summary="Records that may be one donor's"
)
def doubles(session: DatabaseSession, by: ReaderOfNames) -> PairsListed:
    """Nothing is changed by it, but each pair that is read stands in the audit log."""
    return PairsListed(pairs=[PairShown.of(pair) for pair in likely.pairs(session, by=by)])


@router.post(
    "/donors/{donor_id}/merge",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Put another record into this one",
)
def merge(session: DatabaseSession, by: Merger, donor_id: str, sent: MergeSent) -> MergeShown:
    """Asked twice, it is done once."""
    if sent.is_rehearsal:
        plan = merge_plan.look(session, donor_id, sent.gone, taking=sent.take, mistyped=sent.mistyped, by=by)
        return MergeShown(status="rehearsed", merge=None, plan=PlanShown.of(plan))
    done = merging.merge(
        session, donor_id, sent.gone, taking=sent.take, mistyped=sent.mistyped, by=by, reason=sent.reason
    )
    if done.plan is None:
        return MergeShown(status="merged_before", merge=done.merge.id, plan=None)
    return MergeShown(status="merged", merge=done.merge.id, plan=PlanShown.of(done.plan))


@router.post(
    "/donors/{donor_id}/unmerge",
    responses=documented(400, 401, 403, 404, 409, 422, 503),
    summary="Let a merged record stand for itself again",
)
def unmerge(session: DatabaseSession, by: Merger, donor_id: str, sent: UnmergeSent) -> PartedShown:
    """By the id of the record that went. What moved goes back, and what was begun under its address since."""
    parted = unmerging.unmerge(session, donor_id, by=by, reason=sent.reason)
    return PartedShown(
        merge=parted.merge_id,
        kept=parted.kept_id,
        gone=parted.gone_id,
        gifts=list(parted.gifts),
        monthly_gifts=list(parted.monthly_gifts),
        statements=list(parted.statements),
        stays=list(parted.stays),
        remarks=list(parted.remarks),
    )
