"""Pure: which column of a list is what, and what a row says about a lead."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from passalong.core.problems import FieldProblem, Problem, invalid
from passalong.referrers.imports.columns import (
    EMAIL_SHOWN,
    EMAIL_WORDS,
    FIRST_NAME_WORDS,
    TOO_MANY_CELLS,
    cells_of,
    header_key,
    no_email,
    too_long,
)
from passalong.referrers.imports.table import Row

EMAIL, FIRST_NAME, REFERRER, QUALIFIED, LEAD = "email", "first_name", "referrer", "qualified", "lead"
# Header words as `header_key` leaves them: English and what exports in a few other languages say.
_LEADS = {
    EMAIL: f"{EMAIL_WORDS} friend friendemail friendsemail lead leademail freund invitee inviteeemail "
    "referee refereeemail referredemail",
    FIRST_NAME: f"{FIRST_NAME_WORDS} friendfirstname leadfirstname friendname",
    REFERRER: "referrer referrercode referreremail referrerlink referrerid referralcode referrallink code "
    "link ref refcode referredby invitedby inviter advocate ambassador empfehler werber parrain padrino",
    QUALIFIED: "qualified isqualified converted status qualifiziert qualifie calificado",
}
_QUALIFY = {
    LEAD: f"{_LEADS[EMAIL]} code referralcode referrallink refcode link leadid friendcode",
}
_YES = frozenset(["yes", "y", "true", "1", "x", "qualified", "converted", "ja", "oui", "si", "sí", "sì"])
_NO = frozenset(["no", "n", "false", "0", "pending", "nein", "non", "-", "–"])  # noqa: RUF001 - as spreadsheets write it

LEADS_TEMPLATE = ("Email", "First name", "Referrer", "Qualified")
QUALIFY_TEMPLATE = ("Email",)


@dataclass(frozen=True)
class Said:
    """What a row says: of whom, who brought them, whether they qualified; or why it is left out.

    `email` is the friend's as it is kept, or in a list to qualify by what names the lead. `qualified` is None
    where the row says nothing about it.
    """

    number: int
    email: str
    first_name: str = ""
    referrer: str = ""
    qualified: bool | None = None
    outcome: str = ""
    reason: str = ""
    message: str = ""


def suggested_for_leads(columns: Sequence[str]) -> list[str]:
    """A target for each column of a list of leads, "" where its name says nothing."""
    return _suggested(columns, _LEADS)


def suggested_for_qualify(columns: Sequence[str]) -> list[str]:
    """The same for a list of leads to qualify."""
    return _suggested(columns, _QUALIFY)


def check_leads(columns: list[str], mapping: list[str]) -> None:
    """Problem 422 for a list of leads whose columns are matched in a way that does not work."""
    _check(columns, mapping, (EMAIL, FIRST_NAME, REFERRER, QUALIFIED))
    if EMAIL not in mapping:
        detail = "No column is matched to the friend's email, and without it nobody can become a lead."
        raise _missing("email", detail, "Say which column holds the friend's email address.", columns)
    if REFERRER not in mapping:
        detail = "No column is matched to Referrer, and without it nobody knows who brought them."
        step = "Say which column holds the code, link or email address of the referrer."
        raise _missing("referrer", detail, step, columns)


def check_qualify(columns: list[str], mapping: list[str]) -> None:
    """The same for a list of leads to qualify."""
    _check(columns, mapping, (LEAD,))
    if LEAD not in mapping:
        detail = "No column is matched to the lead, so nobody can be found."
        step = "Say which column holds the email address or the referral code of the lead."
        raise _missing("lead", detail, step, columns)


def judge_lead(
    row: Row, columns: Sequence[str], mapping: Sequence[str], usable: Callable[[str], str | None]
) -> Said:
    """What a row of a list of leads says; `usable` gives an address as it is kept, or None."""
    found = cells_of(row, columns, mapping)
    if found is None:
        return Said(row.number, "", outcome="failed", reason="too_many_cells", message=TOO_MANY_CELLS)
    cells = {target: cell for target, (_column, cell) in found.items()}
    typed = cells.get(EMAIL, "")
    email = usable(typed)
    shown = (email or typed)[:EMAIL_SHOWN]
    if email is None:
        reason, message = no_email(typed)
        return Said(row.number, shown, outcome="skipped", reason=reason, message=message)
    if not cells.get(REFERRER):
        message = "This row names no referrer. Add a code, a link or an email and upload the file again."
        return Said(row.number, shown, outcome="skipped", reason="no_referrer", message=message)
    if message := too_long(*found.get(FIRST_NAME, ("", ""))):
        return Said(row.number, shown, outcome="failed", reason="value_too_long", message=message)
    said = cells.get(QUALIFIED, "").casefold()
    if said and said not in _YES | _NO:
        message = f"“{found[QUALIFIED][1][:60]}” says neither yes nor no. Write yes or no, or leave it empty."
        return Said(row.number, shown, outcome="failed", reason="unclear_qualified", message=message)
    qualified = said in _YES if said else None
    return Said(row.number, email, cells.get(FIRST_NAME, ""), cells[REFERRER], qualified)


def judge_qualify(row: Row, columns: Sequence[str], mapping: Sequence[str]) -> Said:
    """What a row of a list to qualify by says."""
    found = cells_of(row, columns, mapping)
    if found is None:
        return Said(row.number, "", outcome="failed", reason="too_many_cells", message=TOO_MANY_CELLS)
    typed = found.get(LEAD, ("", ""))[1]
    if not typed:
        message = "This row names no lead. Add an email address or a code and upload the file again."
        return Said(row.number, "", outcome="skipped", reason="no_lead", message=message)
    return Said(row.number, typed)


def _suggested(columns: Sequence[str], words: Mapping[str, str]) -> list[str]:
    target_of = {word: target for target, known in words.items() for word in known.split()}
    targets: list[str] = []
    for column in columns:
        target = target_of.get(header_key(column), "")
        targets.append("" if target in targets else target)
    return targets


def _check(columns: Sequence[str], mapping: Sequence[str], targets: Sequence[str]) -> None:
    errors = []
    takers: dict[str, str] = {}
    for column, target in zip(columns, mapping, strict=True):
        if target and target not in targets:
            message = f"A list of this kind has no “{target[:100]}”; it has {', '.join(targets)}."
            errors.append(FieldProblem(f"mapping.{column}", message))
        elif target in takers:
            errors.append(FieldProblem(f"mapping.{column}", f"“{takers[target]}” fills this already."))
        elif target:
            takers[target] = column
    if errors:
        raise invalid(errors, code="invalid_mapping")


def _missing(what: str, detail: str, next_step: str, columns: Sequence[str]) -> Problem:
    shown = FieldProblem(
        "mapping", f"No column gives the {what}. The columns are: {', '.join(columns[:20])}."
    )
    return Problem(422, f"no_{what}_column", "File not usable", detail, next_step, [shown])
