"""Every setting an operator can give, typed and documented in one place."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class Settings(BaseSettings):
    """Read from the environment: `PASSALONG_<NAME>`, except `DATABASE_URL` which keeps its usual name."""

    model_config = SettingsConfigDict(env_prefix="PASSALONG_", extra="ignore", populate_by_name=True)

    database_url: str | None = Field(
        default=None,
        validation_alias="DATABASE_URL",
        description="PostgreSQL to use; without it an embedded server runs under the data folder.",
    )
    data_dir: Path = Field(
        default=Path("~/.local/share/passalong"),
        description="Folder for the embedded database and the generated secret key.",
    )
    secret_key: SecretStr | None = Field(
        default=None,
        description="Signing and encryption key, at least 32 characters. A comma-separated list rotates: "
        "the first encrypts, all decrypt. Without it one is generated into the data folder (mode 600).",
    )
    base_url: str = Field(
        default="http://127.0.0.1:8000",
        description="Public address of this installation, used in referral links.",
    )
    intercom_api_url: str | None = Field(
        default=None,
        description="Replaces Intercom's regional hosts, for a sandbox or a proxy.",
    )
    intercom_client_id: str | None = Field(default=None, description="Intercom OAuth app.")
    intercom_client_secret: SecretStr | None = Field(
        default=None, description="Intercom OAuth app secret; signs its webhooks."
    )
    log_format: Literal["console", "json"] = Field(default="console", description="How logs are written.")
    debug: bool = Field(default=False, description="Shows tracebacks and /ui/kit. Never in production.")
    outage_patience_seconds: int = Field(
        default=900,
        ge=0,
        description="How long a run waits for a CRM that does not answer before it ends as failed.",
    )
    web_threads: int = Field(default=8, ge=1, le=64, description="Request threads of the web process.")
    worker_concurrency: int = Field(default=8, ge=1, le=64, description="Jobs one worker runs at once.")

    @property
    def data_path(self) -> Path:
        """The data folder with `~` expanded."""
        return self.data_dir.expanduser()


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
