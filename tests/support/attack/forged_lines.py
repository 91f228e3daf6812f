"""Ways to forge the lines of an entries file."""

from tests.support.attack.trust import (
    one_more,
)


def cut_in_the_middle(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], *lines[3:]]


def cut_at_the_end_of_a_line(lines: list[bytes]) -> list[bytes]:
    return lines[:3]


def emptied(_: list[bytes]) -> list[bytes]:
    return []


def swapped(lines: list[bytes]) -> list[bytes]:
    return [*lines[:2], lines[3], lines[2], *lines[4:]]


def with_one_dated_back(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], one_more(lines[:3]), *lines[3:]]


def with_a_second_beginning(lines: list[bytes]) -> list[bytes]:
    return [*lines, lines[0]]


def doubled(lines: list[bytes]) -> list[bytes]:
    return [*lines[:3], lines[2], *lines[3:]]


def begun_later(lines: list[bytes]) -> list[bytes]:
    return lines[1:]
