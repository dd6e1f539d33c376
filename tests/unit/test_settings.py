"""Settings: what is missing or wrong is said in one sentence that names the variable."""

import base64
import json
import os
from pathlib import Path

import pytest

from starter.settings import Settings, SettingsError, load_settings, settings_from

KEY = base64.b64encode(b"k" * 32).decode()


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Every required variable, and a process environment without any."""
    for name in [name for name in os.environ if name.startswith("TIEOUT_")]:
        monkeypatch.delenv(name)
    required = [name for name, field in Settings.model_fields.items() if field.is_required()]
    ring = json.dumps({"k1": KEY})
    return {f"TIEOUT_{name.upper()}": "given-value" for name in required} | {
        "TIEOUT_CODEC_KEYS": ring,
        "TIEOUT_CODEC_KEY_ID": "k1",
        "TIEOUT_VAULT_KEYS": ring,
        "TIEOUT_VAULT_KEY_ID": "k1",
        "TIEOUT_PUBLIC_BASE_URL": "https://pay.example.test",
    }


def refusal(environment: dict[str, str]) -> str:
    with pytest.raises(SettingsError) as caught:
        settings_from(environment)
    return str(caught.value)


def test_complete_settings_load(full: dict[str, str]) -> None:
    settings = settings_from(full)
    assert settings.environment == "production"
    assert settings.temporal_task_queue == "tieout"
    assert settings.codec_key_bytes == {"k1": b"k" * 32}
    assert settings.vault_key_bytes == {"k1": b"k" * 32}


def test_environment_is_read(full: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in full.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("TIEOUT_WEB_PORT", "9001")
    assert load_settings().web_port == 9001


def test_secrets_do_not_show(full: dict[str, str]) -> None:
    settings = settings_from(full | {"TIEOUT_STRIPE_SECRET_KEY": "sk_marker"})
    assert "sk_marker" not in repr(settings)
    assert KEY not in repr(settings)


@pytest.mark.parametrize(
    "name", [name for name, field in Settings.model_fields.items() if field.is_required()]
)
def test_each_missing_variable_is_named(full: dict[str, str], name: str) -> None:
    variable = f"TIEOUT_{name.upper()}"
    sentence = refusal({key: value for key, value in full.items() if key != variable})
    assert sentence.startswith(f"{variable} is not set: ")
    assert sentence.count(".") == 1
    assert "\n" not in sentence


def test_several_missing_variables_make_one_sentence(full: dict[str, str]) -> None:
    del full["TIEOUT_DATABASE_URL"], full["TIEOUT_SMTP_HOST"]
    sentence = refusal(full)
    assert sentence.startswith("TIEOUT_DATABASE_URL, TIEOUT_SMTP_HOST are not set: ")


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        ("TIEOUT_CODEC_KEYS", "not json", "TIEOUT_CODEC_KEYS is wrong: must be a JSON object"),
        ("TIEOUT_CODEC_KEYS", '{"k1": "secret-marker"}', "TIEOUT_CODEC_KEYS is wrong: must be"),
        ("TIEOUT_CODEC_KEY_ID", "k9", "TIEOUT_CODEC_KEY_ID names a key"),
        ("TIEOUT_VAULT_KEY_ID", "k9", "TIEOUT_VAULT_KEY_ID names a key"),
        ("TIEOUT_SMTP_PORT", "secret-marker", "TIEOUT_SMTP_PORT is wrong"),
        ("TIEOUT_PUBLIC_BASE_URL", "http://pay.example.test", "must start with https://"),
        ("TIEOUT_SANDBOX_URL", "http://127.0.0.1:8400", "must not be set in production"),
    ],
)
def test_wrong_value_is_one_sentence_without_the_value(
    full: dict[str, str], variable: str, value: str, words: str
) -> None:
    sentence = refusal(full | {variable: value})
    assert words in sentence
    assert variable in sentence
    assert "secret-marker" not in sentence
    assert "\n" not in sentence


def test_dev_stack_serves_commands_beside_it(
    full: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIEOUT_STATE", str(tmp_path))
    (tmp_path / "env.json").write_text(json.dumps(full | {"TIEOUT_ENVIRONMENT": "dev"}))
    monkeypatch.setenv("TIEOUT_EMAIL_SENDER", "from-environment")
    settings = load_settings()
    assert settings.environment == "dev"
    assert settings.email_sender == "from-environment"


def test_production_never_reads_the_dev_stack(
    full: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TIEOUT_STATE", str(tmp_path))
    monkeypatch.setenv("TIEOUT_ENVIRONMENT", "production")
    (tmp_path / "env.json").write_text(json.dumps(full))
    with pytest.raises(SettingsError, match="TIEOUT_DATABASE_URL"):
        load_settings()


def test_broken_dev_file_says_what_to_do(
    full: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert full
    monkeypatch.setenv("TIEOUT_STATE", str(tmp_path))
    (tmp_path / "env.json").write_text('{"TIEOUT_')
    with pytest.raises(SettingsError, match="delete it and run `tieout dev` again"):
        load_settings()
