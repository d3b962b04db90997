"""The options that put answers beside orders, or beside money of their own, for every command of a score."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from clvtool.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from clvtool.cli.earlier import Earlier
    from clvtool.ingest.answers import Answers
    from clvtool.metrics.buyers import Buyers
    from clvtool.metrics.kinds import Kinds
    from clvtool.result import Result

PANEL = "Joined with orders"


@dataclass(frozen=True, slots=True)
class Shop:
    """The customers of the orders, the currency, and the account of their reading."""

    people: "Buyers"
    currency: str | None
    notes: list[str]


@dataclass(frozen=True)
class Joining:
    """What stands beside the answers."""

    TABLE: ClassVar = "survey"

    orders: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Orders of the same customers, an export or a converted file: value, orders, repeat, churn and "
            "retention of each kind of respondents.",
            rich_help_panel=PANEL,
        ),
    ] = None
    tiers: Annotated[
        str | None,
        typer.Option(
            metavar="N|VALUE,VALUE",
            help="With --orders, instead: one row a value tier, 3 to 5 of equal size or from these revenues on.",
            rich_help_panel=PANEL,
        ),
    ] = None
    within: Annotated[
        str,
        typer.Option(
            metavar="DURATION", help="How soon after the answer a purchase is a return.", rich_help_panel=PANEL
        ),
    ] = "90d"
    as_of: Annotated[
        str | None,
        typer.Option(
            metavar="DATE",
            help="The day up to which orders and answers count. Without it: the last order's day.",
            rich_help_panel=PANEL,
        ),
    ] = None
    value: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Instead of orders: the column of the survey with money; its mean for each kind of respondents.",
            rich_help_panel=PANEL,
        ),
    ] = None

    base: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Instead: those who answered against all customers of these orders, by segment (--by takes columns "
            "of the orders), and the score as if every segment were heard by its size.",
            rich_help_panel=PANEL,
        ),
    ] = None

    @property
    def wanted(self) -> bool:
        """Return whether anything is to be put beside the answers."""
        return any(given is not None for given in (self.orders, self.base, self.value))

    @property
    def said(self) -> "Mapping[str, object]":
        """Return what is to be put beside the answers, by its option."""
        return {"--orders": self.orders, "--base": self.base, "--value": self.value}

    def check(
        self, *, by: str | None, period: str | None, weight: str | None, earlier: "Earlier", listed: str | None = None
    ) -> None:
        """Refuse options that say nothing here, or nothing together; `listed` is what is to be listed."""
        several = [name for name in ("orders", "base", "value") if getattr(self, name) is not None]
        if self.tiers is not None and self.orders is None:
            raise UsageError("--tiers says nothing without --orders", "add --orders FILE")
        if self.as_of is not None and self.orders is None and self.base is None:
            raise UsageError("--as-of says nothing without --orders", "add --orders FILE")
        if listed is not None:
            several = [*(name for name in several if name != "orders"), "list"]
            others = {earlier.given: earlier.given, "period": period}
        else:
            others = {earlier.given: earlier.given, "period": period, "by": by if self.base is None else None}
            others["weight"] = weight
        told = [*several, *(name for name, given in others.items() if name and given)]
        if several and len(told) > 1:
            raise UsageError(f"--{told[1]} does not go with --{told[0]}", "leave one of them out")

    def columns(self, by: list[str]) -> list[str]:
        """Return the columns of --by that the survey must have: with --base they are those of the orders."""
        return [] if self.base is not None else by

    def shop(self, by: list[str], salt: str | None) -> "Shop | None":
        """Return the customers of --orders or --base, hashed with `salt` as those of the survey; None without either.

        They are read before the answers, so that the two never stand in memory as a whole.
        """
        from clvtool.ingest.account import notes_of
        from clvtool.ingest.read import read_orders
        from clvtool.ingest.reading import ReadOptions
        from clvtool.metrics.buyers import buyers
        from clvtool.metrics.orderlog import Policies
        from clvtool.metrics.schemes import Choice
        from clvtool.periods import day

        file = self.base if self.orders is None else self.orders
        if file is None:
            return None
        policies = Policies(as_of=day(self.as_of, "--as-of") if self.as_of else None)
        tiers = None if self.tiers is None else Choice("tiers", self.tiers)
        columns = by if self.base is not None else []
        orders = read_orders([file], ReadOptions(hash_ids=salt), extras=columns, with_cost=False)
        orders.reading.require_customers()
        notes, currency = [f"orders: {note}" for note in notes_of(orders.reading)], orders.currency
        return Shop(buyers(orders.take(), policies, by=columns, tiers=tiers), currency, notes)

    def result(
        self,
        answers: "Answers",
        kinds: "Kinds",
        answer: "Callable[..., Result]",
        shop: "Shop | None",
        *,
        level: float,
        notes: list[str],
    ) -> "Result":
        """Return the answers with what stands beside them."""
        from clvtool.metrics.answer_values import answer_values
        from clvtool.metrics.joined import by_tier, joined
        from clvtool.metrics.representative import representative
        from clvtool.periods import duration

        if shop is None:
            column = answers.mappings[0].columns["value"]
            return answer_values(answers.table, kinds, column=column, level=level, notes=notes)
        told = [*notes, *shop.notes]
        if self.base is not None:
            return representative(answers.table, kinds, shop.people, answer, notes=told)
        if self.tiers is not None:
            return by_tier(answers.table, kinds, shop.people, answer, notes=told)
        within = round(duration(self.within).days)
        return joined(
            answers.table, kinds, shop.people, answer, within=within, level=level, currency=shop.currency, notes=told
        )
