"""Whether two addresses are one mailbox: nobody refers themselves by writing their address another way."""

_DOTLESS = frozenset(["gmail.com"])
_SAME = {"googlemail.com": "gmail.com"}


def mailbox(email: str) -> str:
    """The mailbox behind a usable address, in lower case.

    A tag (`user+tag@`) is left out for every provider: where it is not a tag the loss is a neighbour's one
    refused lead, where it is one the gain is every lead somebody makes of themselves. Dots are left out
    where the provider ignores them, which is Gmail.
    """
    local, _, domain = email.strip().lower().rpartition("@")
    domain = _SAME.get(domain, domain)
    local = local.partition("+")[0] or local
    return f"{local.replace('.', '') if domain in _DOTLESS else local}@{domain}"
