"""Every setting an operator can give, typed and documented in one place."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from passalong.config.mail import mail_settings


class Settings(BaseSettings):
    """Read from the environment: `PASSALONG_<NAME>`, except `DATABASE_URL` which keeps its usual name."""

    model_config = SettingsConfigDict(
        env_prefix="PASSALONG_", extra="ignore", populate_by_name=True, hide_input_in_errors=True
    )

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
    smtp_url: SecretStr | None = Field(
        default=None,
        description="Mail server: `smtp://user:password@host:587` (STARTTLS; `?starttls=off` for one on a "
        "private network that has none) or `smtps://user:password@host:465` (TLS). Without it mail is "
        "printed to the log.",
    )
    mail_from: str | None = Field(
        default=None,
        description="Sender of mail, as `Acme Referrals <refer@example.com>`. Without it no-reply at the "
        "host of `PASSALONG_BASE_URL`.",
    )
    log_format: Literal["console", "json"] = Field(default="console", description="How logs are written.")
    debug: bool = Field(default=False, description="Shows tracebacks and /ui/kit. Never in production.")
    outage_patience_seconds: int = Field(
        default=900,
        ge=0,
        description="How long a run waits for a CRM that does not answer before it ends as failed.",
    )
    visit_write: Literal["batch", "direct"] = Field(
        default="batch",
        description="How visits of referral links are written: `batch` four times a second (a process "
        "that is killed loses the last quarter of a second), `direct` each before the friend is led on.",
    )
    trusted_proxies: int = Field(
        default=0,
        ge=0,
        description="How many proxies stand in front of the web part; from that place in X-Forwarded-For the "
        "address of whoever asks is taken, for limits on how often.",
    )
    webhook_private_hosts: str = Field(
        default="",
        description="Hosts in your own network that webhooks may reach, as `host` or `host:port`, separated "
        "by commas. Without it only public addresses are sent to.",
    )
    web_threads: int = Field(default=8, ge=1, le=64, description="Request threads of the web process.")
    worker_concurrency: int = Field(
        default=8,
        ge=1,
        le=64,
        description="Syncs, uploads and other jobs that may wait for a CRM that one worker does at once. "
        "Upkeep, mail and webhooks have places of their own.",
    )

    @field_validator("smtp_url")
    @classmethod
    def _reads_as_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        mail_settings(value.get_secret_value() if value else None)
        return value

    @field_validator("mail_from")
    @classmethod
    def _is_a_sender(cls, value: str | None) -> str | None:
        if value and not re.fullmatch(r"[^<>\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+", value.strip()):
            msg = "give an email address, or a name with the address in angle brackets"
            raise ValueError(msg)
        return value

    @property
    def private_webhook_hosts(self) -> list[str]:
        """`webhook_private_hosts`, one by one."""
        return [host.strip() for host in self.webhook_private_hosts.split(",") if host.strip()]

    @property
    def data_path(self) -> Path:
        """The data folder with `~` expanded."""
        return self.data_dir.expanduser()


@lru_cache
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
