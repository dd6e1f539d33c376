"""Build: units and credits of drafts that are replaced, cancelled or amended; honest retries."""

from datetime import timedelta
from decimal import Decimal

from domain.chart import LotKind, MoneyLot, UnitLot
from store import clients, entitlements, invoices
from store.db import transaction
from tests.activities.practice import AT, Practice


async def _own(practice: Practice, client_ref: str, syringes: str = "1") -> None:
    """Give the patient a lot of syringes and a membership credit."""
    case = practice.chart(client_ref)
    await practice.bill(case)
    place, client_id = practice.world.location_id, practice.client_id(client_ref)
    before = AT - timedelta(days=30)
    async with transaction(practice.world.pool) as conn:
        await entitlements.grant_unit_lot(
            conn,
            client_id,
            place,
            UnitLot(
                lot_id=f"units-{client_id}",
                skus=("FILLER-SYRINGE",),
                remaining=Decimal(syringes),
                value_cents=60_000,
                purchased_at=before,
            ),
            "opening",
        )
        await entitlements.grant_money_lot(
            conn,
            client_id,
            place,
            MoneyLot(
                lot_id=f"credit-{client_id}",
                kind=LotKind.MEMBERSHIP_CREDIT,
                remaining_cents=19_000,
                tier="GLOW",
                purchased_at=before,
            ),
            "opening",
        )
        await entitlements.put_membership(conn, client_id, "GLOW", "active", before)


async def _left(practice: Practice, client_ref: str) -> list[tuple[Decimal, int]]:
    async with practice.world.pool.acquire() as conn:
        rows = await entitlements.lot_statement(conn, practice.client_id(client_ref))
    assert all(row.is_conserved for row in rows)
    return [(row.remaining_quantity, row.remaining_cents) for row in rows]


async def test_a_cancelled_visit_gives_back_what_its_held_draft_kept_aside(
    practice: Practice,
) -> None:
    who = practice.client()
    await _own(practice, who)
    lines = (("TOXIN-UNIT", "20"), ("TOXIN-UNIT", "20"), ("FILLER-SYRINGE", "1"))
    case = practice.chart(who, *lines)
    assert (await practice.bill(case)).status == "held"
    assert sorted(await _left(practice, who)) == [(0, 0), (0, 0)]
    practice.chart(who, *lines, case=case, cancelled=True)
    assert (await practice.bill(case)).status == "not_billable"
    assert sorted(await _left(practice, who)) == [(0, 19_000), (1, 60_000)]


async def test_an_amended_draft_that_is_held_keeps_aside_only_what_is_new(
    practice: Practice,
) -> None:
    who = practice.client()
    await _own(practice, who)
    lines = (("TOXIN-UNIT", "50"), ("FILLER-SYRINGE", "1"))
    case = practice.chart(who, *lines)
    assert (await practice.bill(case)).status == "issued"
    assert sorted(await _left(practice, who)) == [(0, 0), (0, 0)]
    practice.chart(who, *lines, ("TOXIN-UNIT", "50"), case=case)
    later = AT + timedelta(hours=1)
    held = await practice.bill(case, later, "run/2")
    assert (held.status, held.review_code) == ("held", "SANITY_BOUND_DUPLICATE")
    assert sorted(await _left(practice, who)) == [(0, 0), (0, 0)]
    await practice.decide(case, who, held.review_id or "", "approve", reason="checked")
    assert (await practice.bill(case, later, "run/2")).status == "issued"
    assert sorted(await _left(practice, who)) == [(0, 0), (0, 0)]


async def test_a_chart_put_back_as_it_was_gives_back_what_the_held_draft_kept_aside(
    practice: Practice,
) -> None:
    who = practice.client()
    await _own(practice, who, syringes="2")
    lines = (("TOXIN-UNIT", "50"), ("FILLER-SYRINGE", "1"))
    case = practice.chart(who, *lines)
    await practice.bill(case)
    practice.chart(
        who,
        ("TOXIN-UNIT", "50"),
        ("FILLER-SYRINGE", "2"),
        ("SERUM", "1"),
        ("SERUM", "1"),
        case=case,
    )
    assert (await practice.bill(case, AT + timedelta(hours=1))).status == "held"
    assert sorted(await _left(practice, who)) == [(0, 0), (0, 0)]
    practice.chart(who, *lines, case=case)
    assert (await practice.bill(case, AT + timedelta(hours=2))).status == "unchanged"
    assert sorted(await _left(practice, who)) == [(0, 0), (1, 30_000)]


async def test_a_visit_cancelled_after_its_invoice_is_credited_and_gives_its_units_back(
    practice: Practice,
) -> None:
    who = practice.client()
    await _own(practice, who)
    lines = (("TOXIN-UNIT", "50"), ("FILLER-SYRINGE", "1"))
    case = practice.chart(who, *lines)
    await practice.bill(case)
    practice.chart(who, *lines, case=case, cancelled=True)
    credited = await practice.bill(case, AT + timedelta(hours=1))
    assert (credited.status, credited.due_cents, credited.balance_cents) == ("issued", 0, 0)
    assert sorted(await _left(practice, who)) == [(0, 19_000), (1, 60_000)]


async def test_a_visit_that_is_not_billable_is_known_to_the_sweep(practice: Practice) -> None:
    case = practice.chart(practice.client())
    assert (await practice.bill(case)).status == "not_billable"
    async with practice.world.pool.acquire() as conn:
        draft = await invoices.latest_draft(conn, case.case_id)
    assert draft is not None
    assert draft.status == "not_billable"


async def test_a_retry_of_an_amendment_still_says_what_does_not_fit(practice: Practice) -> None:
    who = practice.client()
    case = practice.chart(who, ("TOXIN-UNIT", "50"))
    await practice.bill(case)
    practice.pay_online(await practice.ask_online(case, 65_000), 65_000)
    await practice.read(case, who)
    practice.chart(who, ("TOXIN-UNIT", "40"), case=case)
    later = AT + timedelta(hours=1)
    first = await practice.bill(case, later)
    assert [one.code for one in first.mismatches] == ["CHART_CHANGED"]
    assert await practice.bill(case, later) == first


async def test_a_birth_date_that_is_none_does_not_stop_the_bill(practice: Practice) -> None:
    who = practice.client(birth_date="00/00/1990")
    case = practice.chart(who, ("TOXIN-UNIT", "50"))
    assert (await practice.bill(case)).status == "issued"


async def test_a_patient_whom_the_pms_no_longer_shows_keeps_the_contact(
    practice: Practice,
) -> None:
    who = practice.client()
    case = practice.chart(who, ("TOXIN-UNIT", "50"))
    await practice.bill(case)
    del practice.world.pms.clients[who]
    practice.chart(who, ("TOXIN-UNIT", "51"), case=case)
    await practice.bill(case, AT + timedelta(hours=1))
    async with practice.world.pool.acquire() as conn:
        known = await clients.contact_of(conn, practice.world.vault, practice.client_id(who))
    assert known.email == "ada@example.test"


async def test_a_second_package_on_an_amended_chart_is_not_lost(practice: Practice) -> None:
    who = practice.client()
    case = practice.chart(who, ("FILLER-6", "1"))
    assert (await practice.bill(case)).status == "issued"
    practice.chart(who, ("FILLER-6", "2"), case=case)
    amended = await practice.bill(case, AT + timedelta(hours=1))
    assert (amended.status, amended.due_cents) == ("issued", 720_000)
    assert sum(quantity for quantity, _ in await _left(practice, who)) == 12
