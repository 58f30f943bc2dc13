"""Everything that can go wrong with a CRM, sorted by what helps.

    SyncError
    ├── ConfigError          a person must act: says what and where
    │   └── CredentialsError   … on the connection itself: it needs attention
    ├── Retriable            passes by itself: try again after a while
    │   └── Unclear            … but whether it was done is not known: look before trying again
    ├── SkipContact          this one contact or write cannot be done, the rest can
    └── Fatal                the CRM broke its own contract: stop and say so

Vendor codes are translated into these inside the integration. Every error has a stable `code`, a
sentence, and a next step; none ever holds a credential.
"""


class SyncError(Exception):
    """Base of the tree."""

    def __init__(self, code: str, message: str, next_step: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step

    def as_dict(self) -> dict[str, str]:
        """`{code, message, next_step}`, as a run's `error` shows it."""
        return {"code": self.code, "message": self.message, "next_step": self.next_step}


class ConfigError(SyncError):
    """A person must change something: a deleted segment, a missing permission."""


class CredentialsError(ConfigError):
    """The connection's credentials no longer work.

    One of these codes, whatever the CRM: by its code a run is known that the loss ended, see schedule.py.
    """

    CODES = ("token_rejected", "token_revoked", "secret_unreadable")

    def __init__(self, code: str, message: str, next_step: str) -> None:
        if code not in self.CODES:
            raise ValueError(code)
        super().__init__(code, message, next_step)


class Retriable(SyncError):  # noqa: N818 - named by its recovery
    """Trying again later may work. `after` is the wait in seconds the CRM asked for, if it did."""

    def __init__(self, code: str, message: str, next_step: str, after: float | None = None) -> None:
        super().__init__(code, message, next_step)
        self.after = after


class Unclear(Retriable):
    """A call that must not be repeated blindly broke off: it may have been done, or not."""


class SkipContact(SyncError):  # noqa: N818 - named by its recovery
    """One contact failed for good; `field` is the CRM field that is to blame, if one is."""

    def __init__(self, code: str, message: str, next_step: str, field: str | None = None) -> None:
        super().__init__(code, message, next_step)
        self.field = field


class Fatal(SyncError):  # noqa: N818 - named by its recovery
    """The CRM's answers make no sense, and asking again did not help."""


def first_of(failure: BaseException) -> BaseException:
    """The first leaf of nested exception groups: what stopped the tasks beside it."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure
