"""The systems Passalong can sync with, by name. A new one is a folder and one line here."""

from importlib import import_module

from passalong.sync.port import Integration

# provider → the module that holds its INTEGRATION, imported when it is first asked for
_MANIFESTS = {
    "intercom": "passalong.integrations.intercom.manifest",
}


class UnknownProviderError(KeyError):
    """No integration has this name."""

    def __init__(self, provider: str) -> None:
        super().__init__(provider)
        self.provider = provider

    def __str__(self) -> str:
        return f"There is no integration “{self.provider}”; there are: {', '.join(providers())}."


def providers() -> list[str]:
    """All names, sorted."""
    return sorted(_MANIFESTS)


def integration(provider: str) -> Integration:
    """The integration with this name. Raises UnknownProviderError."""
    if provider not in _MANIFESTS:
        raise UnknownProviderError(provider)
    found: Integration = import_module(_MANIFESTS[provider]).INTEGRATION
    return found
