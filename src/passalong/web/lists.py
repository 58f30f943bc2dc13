"""The kinds of lists that can be uploaded, in the words and addresses of pages."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

_LIMITS = _("At most 200,000 rows and 50 MB.")
_UNUSED = ("", _("Do not use"))


@dataclass(frozen=True)
class Listed:
    """One kind: `tab` is the name of the tab and its page, `page` that of the form, `file` the template's."""

    kind: str
    tab: str
    page: str
    file: str
    tab_words: Any
    title: Any
    line: Any
    needs: Any
    doing: Any
    stopping: Any
    see: Any
    targets: tuple[tuple[str, Any], ...]
    icon: str = "upload"
    limits: Any = _LIMITS

    @property
    def tab_page(self) -> str:
        """The name of the tab's address."""
        return f"web:{self.tab}"

    @property
    def form_page(self) -> str:
        """The name of the form's address."""
        return f"web:{self.page}"

    @property
    def template_page(self) -> str:
        """The name of the address of the template to download."""
        return f"web:{self.page}_template"


REFERRERS = Listed(
    kind="referrers",
    tab="referrers",
    page="upload",
    file="referrers.csv",
    tab_words=_("Referrers"),
    title=_("Upload"),
    line=_("Everybody in the file gets a personal referral link. Nobody is sent an email."),
    needs=_("The first row names the columns; one of them holds the email address."),
    doing=_("Adding referrers"),
    stopping=_("It stops where it is. The referrers it has added stay, with their links."),
    see=_("See the referrers"),
    targets=(
        _UNUSED,
        ("email", _("Email")),
        ("first_name", _("First name")),
        ("last_name", _("Last name")),
        ("name", _("Whole name, split in two")),
        ("phone", _("Phone")),
    ),
)
LEADS = Listed(
    kind="leads",
    tab="leads",
    page="upload_leads",
    file="leads.csv",
    tab_words=_("Leads"),
    title=_("Upload leads"),
    line=_("Friends you know of already, each with the referrer who brought them. Nobody is sent an email."),
    needs=_(
        "The first row names the columns: the friend's email address, and the referrer's code, link or email."
    ),
    doing=_("Adding leads"),
    stopping=_("It stops where it is. The leads it has added stay."),
    see=_("See the leads"),
    targets=(
        _UNUSED,
        ("email", _("Friend's email")),
        ("referrer", _("Referrer: code, link or email")),
        ("first_name", _("First name")),
        ("qualified", _("Qualified: yes or no")),
    ),
)
QUALIFY = Listed(
    kind="qualify",
    tab="leads",
    page="upload_qualify",
    file="qualified.csv",
    tab_words=_("Leads"),
    title=_("Qualify from a list"),
    line=_("Every lead whom the file names becomes qualified. Nobody is sent an email."),
    needs=_(
        "The first row names the columns; one of them holds the lead's email, or the code they refer with."
    ),
    doing=_("Qualifying leads"),
    stopping=_("It stops where it is. The leads it has qualified stay so."),
    see=_("See the leads"),
    targets=(_UNUSED, ("lead", _("Lead: email or code"))),
    icon="circle-check",
)
LISTED = {one.kind: one for one in (REFERRERS, LEADS, QUALIFY)}
