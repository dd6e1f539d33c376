"""Which words a step of a plan takes, as its facts stand."""

import pytest

from domain.messages import spec_of
from domain.plan_policy import DEFAULT_PLAN, PlanPolicy, PlanStep

STEPS = {step.name: step for step in DEFAULT_PLAN.steps}


@pytest.mark.parametrize("name", ["first-payment-3", "first-payment-1"])
@pytest.mark.parametrize("is_booked", [True, False])
@pytest.mark.parametrize(
    ("has_autopay", "template"),
    [
        (True, "plan_first_payment_automatic"),
        (False, "plan_first_payment_manual"),
        (None, None),
    ],
)
def test_g3_a_first_payment_is_announced_as_it_is_paid(
    name: str, is_booked: bool, has_autopay: bool | None, template: str | None
) -> None:
    assert STEPS[name].template(is_booked=is_booked, has_autopay=has_autopay) == template


@pytest.mark.parametrize("has_autopay", [True, False, None])
def test_how_a_plan_is_paid_changes_no_other_step(has_autopay: bool | None) -> None:
    for name, step in STEPS.items():
        if not name.startswith("first-payment"):
            assert step.template(is_booked=False, has_autopay=has_autopay) is None
    booked = STEPS["approval"].template(is_booked=True, has_autopay=has_autopay)
    assert booked == "plan_ready_booked"


def test_every_replacement_goes_under_the_consent_of_its_step() -> None:
    for step in DEFAULT_PLAN.steps:
        for template in _replacements(step):
            assert spec_of(template).message_class == step.message_class


def test_a_cadence_of_before_keeps_the_words_that_it_had() -> None:
    older = DEFAULT_PLAN.model_dump(mode="json")
    for step in older["steps"]:
        del step["template_when_automatic"], step["template_when_manual"]
    for step in PlanPolicy.model_validate(older).steps:
        assert step.template(is_booked=False, has_autopay=True) is None


def _replacements(step: PlanStep) -> list[str]:
    named = (step.template_when_booked, step.template_when_automatic, step.template_when_manual)
    return [template for template in named if template is not None]
