"""Locations, catalogs, clients, the vault and the migrations."""

import asyncio
import subprocess
from datetime import date
from decimal import Decimal
from urllib.parse import urlsplit

import asyncpg
import pytest

from domain.catalog import Catalog, Item, ItemClass, Price, Unit
from store import catalogs, clients, db, locations
from store.vault import SealBroken, UnknownKey, Vault

ONE, TWO = b"1" * 32, b"2" * 32


def _catalog(practice, version, cents=1300):
    item = Item(
        sku="tox",
        name="Toxin",
        item_class=ItemClass.INJECTABLE,
        unit=Unit.TOXIN_UNIT,
        step=Decimal("0.1"),
        quantity_max=Decimal(100),
        prices=(Price(unit_cents=cents, effective_from=date(2026, 1, 1)),),
    )
    return Catalog(
        location_id=practice.location_id, version=version, zone="America/Chicago", items=(item,)
    )


async def test_a_location_comes_back_as_it_was_put(conn, practice):
    location = await locations.get_location(conn, practice.location_id)
    assert (location.zone, location.chase.steps[1].day) == ("America/Chicago", 3)
    moved = location.model_copy(update={"reply_phone": "+15555550111", "clock_shift_seconds": 60})
    await locations.put_location(conn, moved)
    assert await locations.get_location(conn, practice.location_id) == moved
    by_ref = await locations.location_by_pms_ref(conn, "boulevard", moved.pms_location_ref)
    assert by_ref == moved
    assert moved in await locations.list_locations(conn)
    with pytest.raises(LookupError, match="no location nowhere"):
        await locations.get_location(conn, "nowhere")


async def test_a_switch_acts_at_once_and_says_who(conn, practice):
    await locations.set_switch(conn, practice.location_id, "send", "off", "owner", "incident")
    location = await locations.get_location(conn, practice.location_id)
    assert (location.switch("send"), location.switch("chase")) == ("off", "live")
    # A new price list brings the location's settings again: what is off stays off.
    await locations.put_location(conn, location.model_copy(update={"switches": {}}))
    assert await locations.get_location(conn, practice.location_id) == location
    row = await conn.fetchrow(
        "SELECT * FROM switch_changes WHERE location_id = $1", practice.location_id
    )
    assert (row["state"], row["changed_by"]) == ("off", "owner")
    with pytest.raises(asyncpg.CheckViolationError):
        await locations.set_switch(conn, practice.location_id, "typo", "off", "owner", "")
    with pytest.raises(LookupError):
        await locations.set_switch(conn, "nowhere", "send", "off", "owner", "")


async def test_catalog_versions_follow_each_other_and_never_change(conn, practice):
    second = _catalog(practice, 2)
    assert await catalogs.put_catalog(conn, second, "owner", "prices")
    assert not await catalogs.put_catalog(conn, second, "owner", "prices")
    for wrong in (_catalog(practice, 2, 1400), _catalog(practice, 4), _catalog(practice, 1)):
        with pytest.raises(ValueError, match="is version 3"):
            await catalogs.put_catalog(conn, wrong, "owner", "")
    assert await catalogs.current_catalog(conn, practice.location_id) == second
    third = _catalog(practice, 3, 1500)
    await catalogs.put_catalog(conn, third, "owner", "prices")
    assert await catalogs.current_catalog(conn, practice.location_id) == third
    assert await catalogs.get_catalog(conn, practice.location_id, 2) == second
    for statement in ("UPDATE catalogs SET body = '{}'", "DELETE FROM catalogs"):
        with pytest.raises(asyncpg.RestrictViolationError):
            await conn.execute(statement)
    with pytest.raises(LookupError):
        await catalogs.current_catalog(conn, "nowhere")
    with pytest.raises(LookupError):
        await catalogs.get_catalog(conn, practice.location_id, 9)


async def test_a_contact_is_sealed_found_by_digest_and_erased(conn, vault, practice):
    person = clients.Contact(
        first_name="Zyx",
        last_name="Wvut",
        phone_e164="+15555559876",
        email="Zyx@Example.test",
        birth_date=date(1990, 2, 3),
    )
    key = practice.client_id
    args = (conn, vault, key, practice.location_id, "boulevard", key)
    await clients.upsert_client(*args, person)
    stored = await conn.fetchrow("SELECT * FROM clients WHERE client_id = $1", key)
    await clients.upsert_client(*args, person)
    again = await conn.fetchrow("SELECT * FROM clients WHERE client_id = $1", key)
    assert again == stored
    everything = str(dict(stored)).lower()
    assert not any(word in everything for word in ("zyx", "wvut", "5559876", "1990"))
    assert await clients.contact_of(conn, vault, key) == person
    assert await clients.clients_by_phone(conn, vault, "+15555559876") == [key]
    assert await clients.clients_by_email(conn, vault, "zyx@example.TEST") == [key]
    assert await clients.pms_ref_of(conn, key) == key
    await clients.erase_contact(conn, key)
    assert await clients.clients_by_phone(conn, vault, "+15555559876") == []
    for missing in (key, "nobody"):
        with pytest.raises(LookupError):
            await clients.contact_of(conn, vault, missing)
    for ask in (clients.lock_client, clients.pms_ref_of):
        with pytest.raises(LookupError):
            await ask(conn, "nobody")


async def test_a_locked_client_can_still_be_referred_to(pool, conn, practice):
    async with db.transaction(pool) as tx:
        await clients.lock_client(tx, practice.client_id)
        await conn.execute("SET lock_timeout = '1s'")
        await conn.execute(
            "INSERT INTO consent_events (client_id, channel, scope, allowed, how, words)"
            " VALUES ($1, 'sms', 'all', true, 'x', 'y')",
            practice.client_id,
        )
        with pytest.raises(asyncpg.LockNotAvailableError):
            await clients.lock_client(conn, practice.client_id)
    await conn.execute("RESET lock_timeout")


def test_a_rotated_vault_opens_old_values_and_keeps_its_digests():
    old, both = Vault({"k1": ONE}, "k1"), Vault({"k1": ONE, "k2": TWO}, "k2")
    sealed = old.seal(b"secret", "contact|1")
    assert both.open(sealed, "contact|1") == b"secret"
    newer = both.seal(b"secret", "contact|1")
    with pytest.raises(UnknownKey, match="k2"):
        old.open(newer, "contact|1")
    assert old.digest("x") == both.digest("x") != Vault({"k1": TWO}, "k1").digest("x")
    assert sealed != old.seal(b"secret", "contact|1")
    with pytest.raises(UnknownKey):
        Vault({"k1": ONE}, "k9")
    with pytest.raises(ValueError, match="32 bytes"):
        Vault({"k1": b"short"}, "k1")


def test_a_sealed_value_opens_in_its_context_and_whole_only():
    vault = Vault({"k1": ONE, "k2": TWO}, "k1")
    sealed = vault.seal(b"secret", "contact|1")
    with pytest.raises(SealBroken):
        vault.open(sealed, "contact|2")
    for i in range(len(sealed)):
        changed = sealed[:i] + bytes([sealed[i] ^ 1]) + sealed[i + 1 :]
        with pytest.raises((SealBroken, UnknownKey)):
            vault.open(changed, "contact|1")
    for cut in (b"", b"\x01", sealed[:10], sealed[:-1]):
        with pytest.raises((SealBroken, UnknownKey)):
            vault.open(cut, "contact|1")


async def test_migrations_can_be_repeated_and_name_their_version(conn, pg_url):
    db.migrate(pg_url)
    newest = sorted(path.name for path in db.MIGRATIONS.glob("*.sql"))[-1]
    assert await db.schema_version(conn) == newest.split("_")[0]


def test_a_failed_migration_is_one_sentence_without_the_password():
    with pytest.raises(db.MigrationFailed) as failed:
        db.migrate("postgres://u:hunter2@127.0.0.1:1/none")
    assert "hunter2" not in str(failed.value)
    assert str(failed.value).count("\n") == 0
    assert "could not be migrated" in str(failed.value)


def test_only_a_local_server_is_spoken_to_without_tls():
    plain = "sslmode=disable"
    assert plain in db._for_dbmate("postgres://p@/t?host=/run/pg")
    assert plain in db._for_dbmate("postgres://p:x@127.0.0.1:5432/t")
    assert plain not in db._for_dbmate("postgres://p:x@db.example.test/t")
    assert db._for_dbmate("postgres://p@/t?host=/run/pg&sslmode=require").count("sslmode") == 1


async def test_json_never_becomes_a_binary_fraction(conn):
    value = await conn.fetchval("SELECT '{\"rate\": 0.1}'::jsonb")
    assert value == {"rate": Decimal("0.1")}


def test_every_migration_can_be_undone(pg_url):
    parts = urlsplit(pg_url)
    url = f"postgres://postgres@/undone?{parts.query}&sslmode=disable"
    db.migrate(url)
    files = list(db.MIGRATIONS.glob("*.sql"))
    for _ in files:
        command = [db._dbmate(), "--url", url, "--no-dump-schema", "--migrations-dir"]
        subprocess.run([*command, str(db.MIGRATIONS), "down"], check=True, capture_output=True)
    assert asyncio.run(_named_in(url)) == ["schema_migrations"]


async def _named_in(url):
    conn = await asyncpg.connect(url)
    rows = await conn.fetch(
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind = 'r' UNION SELECT proname FROM pg_proc"
        " WHERE pronamespace = 'public'::regnamespace"
    )
    await conn.close()
    return [row["relname"] for row in rows]
