"""Trying again, with a clock of the test's own."""

from app.runtime.backoff import Backoff


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_key_that_never_failed_is_due_at_once() -> None:
    assert Backoff().is_due("a")


def test_each_failure_waits_twice_as_long_up_to_the_limit() -> None:
    clock = Clock()
    backoff = Backoff(2.0, 60.0, clock)

    assert [backoff.failed("a") for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]


def test_a_key_is_due_when_its_wait_is_over_and_not_before() -> None:
    clock = Clock()
    backoff = Backoff(2.0, 60.0, clock)
    backoff.failed("a")
    clock.now = 1.9
    assert not backoff.is_due("a")
    assert backoff.is_due("b")

    clock.now = 2.0

    assert backoff.is_due("a")


def test_after_a_success_the_next_failure_waits_as_the_first_one() -> None:
    clock = Clock()
    backoff = Backoff(2.0, 60.0, clock)
    backoff.failed("a")
    backoff.failed("a")

    backoff.succeeded("a")

    assert backoff.is_due("a")
    assert backoff.failed("a") == 2


def test_a_success_may_say_when_it_is_wanted_again() -> None:
    clock = Clock()
    backoff = Backoff(2.0, 60.0, clock)

    backoff.succeeded("a", again_in_s=100.0)

    clock.now = 99.0
    assert not backoff.is_due("a")
    clock.now = 100.0
    assert backoff.is_due("a")
    assert backoff.failed("a") == 2


def test_what_nobody_tries_any_more_is_forgotten() -> None:
    clock = Clock()
    backoff = Backoff(2.0, 60.0, clock)
    backoff.failed("a")
    backoff.failed("b")

    backoff.forget_all_but(["b"])

    assert backoff.is_due("a")
    assert not backoff.is_due("b")
