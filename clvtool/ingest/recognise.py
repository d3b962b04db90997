"""Which known export a header is that of, how sure that is, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clvtool.errors import UsageError, did_you_mean
from clvtool.ingest.vocabulary import ORDERS
from clvtool.ingest.words import compact, listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from clvtool.ingest.profiles import Profile
    from clvtool.ingest.vocabulary import Vocabulary

NEAR = 0.5
"""Share of its telltale columns that an export must have to be called the nearest."""


def recognise(
    header: Sequence[str], name: str | None = None, vocabulary: Vocabulary = ORDERS
) -> tuple[Profile | None, str]:
    """Return the export whose telltale columns are all there (of several that with the most), and a reason in words.

    With a `name` it is that export, `plain` (of orders) being none. Raises UsageError for a name that does not exist.
    """
    there, profiles = {compact(word) for word in header}, vocabulary.profiles
    found = {profile.name: [words for words in profile.signature if there & set(listed(words))] for profile in profiles}
    if name is not None:
        known = {vocabulary.plain: None, **{profile.name: profile for profile in profiles}}
        if name not in known:
            raise UsageError(f"there is no profile {name!r}", did_you_mean(name, known))
        profile = known[name]
        return profile, f"as --profile says{f'; {_share(found[name], profile)}' if profile else ''}"
    complete = [profile for profile in profiles if len(found[profile.name]) == len(profile.signature)]
    complete = [profile for profile in complete if not profile.alone or _leads(header, profile)]
    if complete:
        best = max(complete, key=lambda profile: (profile.alone, len(profile.signature)))
        return best, f"sure: {_share(found[best.name], best)}"
    near = max(
        (profile for profile in profiles if not profile.alone),
        key=lambda profile: len(found[profile.name]) / len(profile.signature),
    )
    if len(found[near.name]) < NEAR * len(near.signature):
        return None, "no known export; its header words say what the columns mean"
    lacking = [words.split("|")[0] for words in near.signature if words not in found[near.name]]
    return None, f"no known export; nearest is {near.name}, but it lacks {', '.join(repr(word) for word in lacking)}"


def _leads(header: Sequence[str], profile: Profile) -> bool:
    """Return whether the telltale columns of an export come first, in their order."""
    return [compact(word) for word in header[: len(profile.signature)]] == [compact(one) for one in profile.signature]


def _share(found: Sequence[str], profile: Profile) -> str:
    every = len(profile.signature)
    return f"{'all' if len(found) == every else f'{len(found)} of the'} {every} columns that tell it are there"
