"""Faults of single values: each has one code, a cause, and says what to do."""

import pytest

from app.domain.value_faults import VALUE_FAULTS, ValueFault


def test_every_fault_says_its_cause_and_what_to_do() -> None:
    assert len(VALUE_FAULTS) > 8
    assert all(fault.cause and fault.remedy for fault in VALUE_FAULTS.values())


def test_a_code_belongs_to_one_fault_of_a_value() -> None:
    with pytest.raises(TypeError, match="two faults"):
        ValueFault("invalid_amount", "again", "never")


def test_a_fault_of_a_value_keeps_its_code() -> None:
    raised = VALUE_FAULTS["invalid_amount"]("Not so.")

    assert (raised.type, raised.message()) == ("invalid_amount", "Not so.")
