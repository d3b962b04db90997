"""The exports that are known by their headers, as data: what each says in its own way."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from clvtool.schema import ORDERS

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Profile:
    """A known export: by which headers it is recognised, and what differs from the common header words.

    Headers are written as `words.normal` writes them; `a|b` is a, or where it is not there b.
    """

    name: str
    signature: tuple[str, ...]  # the headers that together give it away
    roles: Mapping[str, str] = field(default_factory=dict)  # role → header; the common words do not count for it
    instead: Mapping[str, str] = field(default_factory=dict)
    """Role → header that says it better; taken in the rows in which the first of these columns is filled."""
    ignore: str = ""  # headers that look like a role and are none
    aside: tuple[tuple[str, str, str], ...] = ()  # header, words (a|b), reason: a row with one of them is set aside
    statuses: Mapping[str, str] = field(default_factory=dict)  # status words that mean something else here
    refund_prefix: str = ""  # an order id that begins with it is a cancellation
    adjustment_prefix: str = ""  # an order id that begins with it is bookkeeping, no order
    alone: bool = False  # no other column means anything, whatever its header says
    guests: str = ""  # where it may name no customer: which column to add, or which other export to use
    under: str = ""  # a header below which the second row has nothing, where that row belongs to the header
    note: str = ""


PROFILES: tuple[Profile, ...] = (
    Profile(
        "clvtool",
        ("order id", "customer id", "order date", "kind"),
        roles={name: name.replace("_", " ") for name in ORDERS},
        alone=True,
        note="the orders as convert writes them; the columns beside them have done their work",
    ),
    Profile(
        "shopify",
        ("name", "financial status", "lineitem quantity", "created at"),
        roles={
            "order_id": "name",
            "email": "email",
            "phone": "phone",
            "order_date": "created at",
            "order_total": "total",
            "status": "financial status",
            "cancelled_at": "cancelled at",
            "refunded_amount": "refunded amount",
        },
        note="one row a line item; the order's own cells stand on its first row only; refunds have no date of their "
        "own, so they stand on the order's day",
    ),
    Profile(
        "woocommerce",
        (
            "order id|order number",
            "order date|date created",
            "order total|order total amount",
            "billing email|email billing",
        ),
        roles={
            "order_id": "order id|order number",
            "customer_id": "customer id|customer user|user id",
            "email": "billing email|email billing|customer email",
            "phone": "billing phone|phone billing|customer phone",
            "order_date": "order date|date created",
            "order_total": "order total|order total amount",
            "status": "order status|status",
            "refunded_amount": "order refund amount|refunded amount|total refunded",
        },
        ignore="item",  # the number of the line, in `Item #`
        note="customer 0 is a guest, told by billing e-mail",
    ),
    Profile(
        "woocommerce-analytics",
        ("customer type", "items sold", "coupon s", "n revenue|net sales|n revenue formatted"),
        roles={
            "order_id": "order",
            "order_date": "date",
            "amount": "n revenue|net sales|n revenue formatted",
            "customer_name": "customer",
        },
        guests="take an export of orders with billing_email, as the plugins for order exports write it",
        note="net revenue, without tax and shipping; refunds are rows of their own day",
    ),
    Profile(
        "stripe",
        ("id", "amount refunded", "created utc|created date utc", "captured", "mode"),
        roles={
            "order_id": "id",
            "customer_id": "customer id",
            "email": "customer email",
            "order_date": "created utc|created date utc",
            "order_total": "amount",
            "refunded_amount": "amount refunded",
            "currency": "currency",
            "status": "status",
        },
        instead={
            "order_total": "converted amount",
            "refunded_amount": "converted amount refunded",
            "currency": "converted currency",
        },
        ignore="description",
        aside=(("mode", "test", "test"), ("captured", "false", "pending")),
        guests="choose all columns when you export payments, among them Customer ID and Customer Email",
        note="payments; amounts as converted to the currency of the account; refunds stand on the payment's day; "
        "disputes are not taken off",
    ),
    Profile(
        "magento",
        ("purchase point", "purchase date", "grand total base|grand total purchased", "status"),
        roles={
            "order_id": "id",
            "email": "customer email",
            "order_date": "purchase date",
            "order_total": "grand total base|grand total purchased",
            "refunded_amount": "total refunded",
            "status": "status",
            "customer_name": "customer name|bill to name",
        },
        statuses={"closed": "refunded"},  # a credit memo of everything closes an order
        guests="add the column Customer Email to the grid of orders, then export it again",
        note="totals in the shop's base currency; closed orders were refunded",
    ),
    Profile(
        "bigcommerce",
        ("order id", "order status", "order date", "order total inc tax|order total", "refund amount|ship method"),
        roles={
            "order_id": "order id",
            "customer_id": "customer id",
            "email": "customer email|email address|billing email",
            "phone": "customer phone|billing phone",
            "order_date": "order date",
            "order_total": "order total inc tax|order total",
            "refunded_amount": "refund amount",
            "status": "order status",
        },
        note="totals with tax; customer 0 is a guest, told by e-mail",
    ),
    Profile(
        "prestashop",
        ("id", "reference", "new client", "total", "payment", "status", "date"),
        roles={"order_id": "id", "order_date": "date", "order_total": "total", "customer_name": "customer"},
        guests="take an SQL query of the orders with id_customer (Advanced Parameters, Database)",
    ),
    Profile(
        "amazon",
        ("order id|amazon order id", "purchase date", "item price", "asin|order item id|buyer email"),
        roles={
            "order_id": "order id|amazon order id",
            "email": "buyer email",
            "phone": "buyer phone number",
            "customer_name": "buyer name",
            "order_date": "purchase date",
            "amount": "item price",
            "quantity": "quantity|quantity purchased",
            "status": "order status",
        },
        aside=(("item status", "cancelled", "cancelled"),),
        guests="take the report of new orders, which has buyer-email",
        note="one row an item; item-price is that of all its pieces, without shipping; buyers are told by their relay "
        "address",
    ),
    Profile(
        "etsy",
        ("sale date", "order id", "order total|order value", "buyer|buyer user id|full name"),
        roles={
            "order_id": "order id",
            "customer_id": "buyer user id|buyer",
            "order_date": "sale date",
            "order_total": "order total|order value",
        },
        guests="choose the export Sold Orders with all its columns, among them Buyer User ID",
        note="the total as it was sold; what an adjustment took back is not taken off",
    ),
    Profile(
        "etsy-items",
        ("sale date", "item name", "item total", "transaction id", "listing id"),
        roles={"order_id": "order id", "customer_id": "buyer", "order_date": "sale date", "amount": "item total"},
        ignore="transaction id",
        note="one row an item, without shipping and order discounts; the export Sold Orders has the totals",
    ),
    Profile(
        "baselinker",
        ("order id", "order source", "date add|date confirmed", "price brutto|payment done|delivery price"),
        roles={
            "order_id": "order id",
            "email": "email",
            "order_date": "date add|date confirmed",
            "quantity": "quantity",
            "unit_price": "price brutto",
            "status": "order status|status",
            "customer_name": "delivery fullname|invoice fullname",
        },
        note="one row a product; quantity × gross price, without delivery",
    ),
    Profile(
        "polish-shop",
        ("numer|numer zamowienia", "data", "suma|kwota pln", "platnosc", "status"),
        guests="export it with a column for the customer, such as Email or Telefon",
    ),
    Profile(
        "online-retail",
        ("stockcode", "description", "quantity", "country"),
        roles={
            "order_id": "invoiceno|invoice",
            "customer_id": "customerid|customer id",
            "order_date": "invoicedate",
            "unit_price": "unitprice|price",
            "product_id": "stockcode",
        },
        refund_prefix="C",
        adjustment_prefix="A",
        note="invoices that begin with C are cancellations, with A bad-debt adjustments",
    ),
)
