"""Every setting of the product, from environment variables `TIEOUT_*`.

While `tieout dev` runs, its settings lie in `<state folder>/env.json` and serve every command
that is started beside it; a variable in the environment wins. Production reads the environment
alone.
"""

import base64
import binascii
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    SettingsConfigDict,
)

PREFIX = "TIEOUT_"
STATE_VARIABLE = "TIEOUT_STATE"
DEFAULT_STATE = Path(".tieout")
KEY_BYTES = 32


class SettingsError(Exception):
    """A setting is missing or wrong; the text is one sentence naming the variable."""


def _key(value: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(value.get_secret_value(), validate=True)
    except binascii.Error:
        raise ValueError("must be base64") from None
    if len(raw) != KEY_BYTES:
        raise ValueError(f"must be base64 of {KEY_BYTES} bytes")
    return value


def _key_ring(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("must be a JSON object of key id to base64 key") from None
    return value


def _json_object(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("must be a JSON object of location id to location uid") from None
    return value


def _lenders(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("must be a JSON object of lender to its address and keys") from None
    return value


def _zenoti(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return json.loads(value)
        except json.JSONDecodeError:
            raise ValueError("must be a JSON object of a Zenoti organisation's keys") from None
    return value


class LenderKeys(BaseModel):
    """How the practice reaches one lender; `accounts` maps a location id to its account there."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str
    api_key: SecretStr
    webhook_secret: SecretStr | None = None
    accounts: dict[str, str]


class ZenotiKeys(BaseModel):
    """A Zenoti organisation, and which of our locations are centres of it."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    base_url: str = "https://api.zenoti.com"
    api_key: SecretStr
    webhook_secret: SecretStr
    locations: tuple[str, ...]


Key = Annotated[SecretStr, AfterValidator(_key)]
KeyRing = Annotated[dict[str, Key], NoDecode, BeforeValidator(_key_ring)]
Text = Annotated[str, Field(min_length=1)]


class Settings(BaseSettings):
    """What a process needs to run. Secrets never show in a repr or an error."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    environment: Literal["dev", "production"] = "production"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    metrics_port: int = 0
    """Prometheus on loopback; 0 turns it off."""
    web_host: str = "127.0.0.1"
    web_port: int = 8300
    public_base_url: Text
    """Where patients reach the pay page, without a trailing slash."""
    caller_address_header: str | None = None
    """The header in which the proxy in front puts the caller's address, for the rate limit."""
    sandbox_url: str | None = None
    """Set in dev alone: the vendors' twins."""

    database_url: SecretStr

    temporal_address: Text = "127.0.0.1:7233"
    temporal_namespace: Text = "default"
    temporal_task_queue: Text = "tieout"
    temporal_api_key: SecretStr | None = None
    temporal_tls: bool = False
    temporal_ui_url: Text = "http://127.0.0.1:8233"
    """Origin of the Temporal UI, which alone may call the codec server from a browser."""
    codec_keys: KeyRing
    """Key id -> base64 of 32 bytes; every key that ever sealed a history still kept."""
    codec_key_id: Text
    """The key that seals from now on."""
    codec_token: SecretStr
    """What a caller of the codec server shows."""

    vault_keys: KeyRing
    """As `codec_keys`, for contact data and webhook bodies in the books."""
    vault_key_id: Text

    boulevard_base_url: Text = "https://dashboard.boulevard.io/api/2020-01/admin"
    boulevard_business_id: Text
    boulevard_api_key: SecretStr
    boulevard_api_secret: SecretStr
    boulevard_app_id: Text

    zenoti: Annotated[ZenotiKeys | None, NoDecode, BeforeValidator(_zenoti)] = None
    """{api_key, webhook_secret, locations}, as a JSON object; other locations are Boulevard's."""

    stripe_api_base: Text = "https://api.stripe.com"
    stripe_secret_key: SecretStr
    stripe_webhook_secret: SecretStr

    twilio_api_base: Text = "https://api.twilio.com"
    twilio_account_sid: Text
    twilio_auth_token: SecretStr
    twilio_messaging_service_sid: Text

    podium_api_base: Text = "https://api.podium.com/v4"
    podium_token_url: Text = "https://accounts.podium.com/oauth/token"  # noqa: S105
    podium_client_id: str | None = None
    """With the three secrets below: Podium may carry texts. Without: it is not set up."""
    podium_client_secret: SecretStr | None = None
    podium_refresh_token: SecretStr | None = None
    podium_webhook_secret: SecretStr | None = None
    podium_locations: Annotated[dict[str, str], NoDecode, BeforeValidator(_json_object)] = {}
    """Our location id -> Podium's location uid, as a JSON object."""

    lenders: Annotated[
        dict[Literal["cherry", "carecredit", "alphaeon", "patientfi"], LenderKeys],
        NoDecode,
        BeforeValidator(_lenders),
    ] = {}
    """Lender -> {base_url, api_key, webhook_secret, accounts}, as a JSON object."""

    smtp_host: Text
    smtp_port: int = 587
    smtp_username: str | None = None
    smtp_password: SecretStr | None = None
    smtp_idempotency_header: str | None = None
    """Set where the relay drops a second copy by a header of ours; else unknown sends are asked."""
    email_sender: Text
    mail_webhook_secret: SecretStr | None = None
    """Shared with whoever posts bounces and complaints; without it they are refused."""

    @model_validator(mode="after")
    def _hold_together(self) -> "Settings":
        if self.codec_key_id not in self.codec_keys:
            raise ValueError("TIEOUT_CODEC_KEY_ID names a key that is not in TIEOUT_CODEC_KEYS")
        if self.vault_key_id not in self.vault_keys:
            raise ValueError("TIEOUT_VAULT_KEY_ID names a key that is not in TIEOUT_VAULT_KEYS")
        given = [bool(value) for value in self._podium]
        if any(given) and not all(given):
            raise ValueError(
                "TIEOUT_PODIUM_CLIENT_ID, _CLIENT_SECRET, _REFRESH_TOKEN and _WEBHOOK_SECRET are"
                " set together or not at all"
            )
        if self.environment == "production":
            if self.sandbox_url is not None:
                raise ValueError("TIEOUT_SANDBOX_URL must not be set in production")
            if not self.public_base_url.startswith("https://"):
                raise ValueError("TIEOUT_PUBLIC_BASE_URL must start with https:// in production")
        return self

    @property
    def _podium(self) -> tuple[object, ...]:
        return (
            self.podium_client_id,
            self.podium_client_secret,
            self.podium_refresh_token,
            self.podium_webhook_secret,
        )

    @property
    def has_podium(self) -> bool:
        """True when texts may go by Podium."""
        return all(self._podium)

    @property
    def codec_key_bytes(self) -> Mapping[str, bytes]:
        """Codec keys as raw bytes by id."""
        return _raw(self.codec_keys)

    @property
    def vault_key_bytes(self) -> Mapping[str, bytes]:
        """Vault keys as raw bytes by id."""
        return _raw(self.vault_keys)


def _raw(keys: Mapping[str, SecretStr]) -> dict[str, bytes]:
    return {key_id: base64.b64decode(key.get_secret_value()) for key_id, key in keys.items()}


def state_folder() -> Path:
    """The dev stack's folder: `TIEOUT_STATE`, else `.tieout` below the current folder."""
    return Path(os.environ.get(STATE_VARIABLE) or DEFAULT_STATE)


def load_settings() -> Settings:
    """Read the settings; `SettingsError` in one sentence when one is missing or wrong."""
    dev = {name: value for name, value in _dev_environment().items() if not os.environ.get(name)}
    return settings_from(dev)


def settings_from(environment: Mapping[str, str]) -> Settings:
    """Settings from these `TIEOUT_*` names, completed by the process environment."""
    try:
        return Settings(**_fields(environment))
    except ValidationError as error:
        raise SettingsError(_sentence(error)) from None


def _fields(environment: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.removeprefix(PREFIX).lower(): value
        for name, value in environment.items()
        if name.startswith(PREFIX) and value
    }


def _dev_environment() -> Mapping[str, str]:
    if os.environ.get(PREFIX + "ENVIRONMENT") == "production":
        return {}
    path = state_folder() / "env.json"
    try:
        environment = json.loads(path.read_text())
    except OSError:
        return {}
    except ValueError:
        raise SettingsError(
            f"{path} is not readable as JSON: delete it and run `tieout dev` again."
        ) from None
    return {str(name): str(value) for name, value in environment.items()}


def _sentence(error: ValidationError) -> str:
    missing = [_variable(item["loc"]) for item in error.errors() if item["type"] == "missing"]
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        return (
            f"{', '.join(missing)} {verb} not set: run `tieout dev` for a stack on this machine, "
            "or set the environment."
        )
    first = error.errors()[0]
    reason = first["msg"].removeprefix("Value error, ")
    if not first["loc"]:
        return f"{reason}."
    return f"{_variable(first['loc'])} is wrong: {reason[0].lower()}{reason[1:]}."


def _variable(location: tuple[int | str, ...]) -> str:
    return PREFIX + str(location[0]).upper()
