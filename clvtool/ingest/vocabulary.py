"""What an input can be, as data: the meanings that its columns may have, the words for them, and the known exports."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clvtool.ingest.profiles import PROFILES
from clvtool.ingest.words import CHOSEN, ROLES, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from clvtool.ingest.profiles import Profile


@dataclass(frozen=True)
class Vocabulary:
    """The roles that columns of one kind of input have, with the header words that say so."""

    name: str  # what it is
    plain: str  # what --profile calls one that is no known export
    roles: Mapping[str, str]  # role → header words, as words.ROLES
    profiles: tuple[Profile, ...]
    day: str  # the role of the day that a row belongs to
    chosen: tuple[str, ...] = ()  # roles for which the word listed first is taken, where several columns claim them
    aside: tuple[tuple[str, str, str], ...] = ()  # as Profile.aside, where no profile says anything
    by_word: Mapping[str, str] = field(init=False)  # header word in compact form → role

    def __post_init__(self) -> None:
        """Turn the words around."""
        by_word = {word: role for role, words in self.roles.items() for word in listed(words)}
        object.__setattr__(self, "by_word", by_word)


ORDERS = Vocabulary("orders", "plain", ROLES, PROFILES, "order_date", CHOSEN)
