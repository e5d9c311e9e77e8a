"""HTML that can't be broken into: every text is escaped unless it was made here."""

from __future__ import annotations

from html import escape


class Markup(str):
    """HTML that was made by ``tag`` or ``many``."""

    __slots__ = ()


VOID = frozenset({"input", "meta", "link", "br", "hr"})


def tag(element: str, /, *inside: str, **attributes: str | bool | int | None) -> Markup:
    r"""One element. A trailing underscore of an attribute is left out; None and False leave out the attribute.

    >>> tag("p", "a < b ", tag("b", "c"), class_="x\"y", hidden=True, id=None)
    '<p class="x&quot;y" hidden>a &lt; b <b>c</b></p>'
    """
    given = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escape(str(value))}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if element in VOID:
        return Markup(f"<{element}{given}>")
    return Markup(f"<{element}{given}>{many(*inside)}</{element}>")


def many(*inside: str) -> Markup:
    """Several elements and texts, one behind the other."""
    return Markup("".join(each if isinstance(each, Markup) else escape(each) for each in inside))


def table(heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> Markup:
    """A table."""
    head = tag("tr", *(tag("th", each, scope="col") for each in heads))
    body = [tag("tr", *(tag("td", each) for each in row)) for row in rows]
    return tag("table", tag("thead", head), tag("tbody", *body))


def field(label: str, name: str, *, note: str = "", **attributes: str | bool | int | None) -> Markup:
    """A labelled input."""
    hint = tag("small", note) if note else Markup("")
    return tag("p", tag("label", label, for_=name), tag("input", id=name, name=name, **attributes), hint)


def area(label: str, name: str, value: str, *, rows: int, note: str = "", **attributes: str | bool) -> Markup:
    """A labelled field of several lines."""
    hint = tag("small", note) if note else Markup("")
    # The first line break behind the tag is not part of the value (HTML, "textarea").
    body = tag("textarea", f"\n{value}", id=name, name=name, rows=rows, **attributes)
    return tag("p", tag("label", label, for_=name), body, hint)


def choice(label: str, name: str, options: list[str], chosen: str) -> Markup:
    """A labelled choice of one."""
    inside = [tag("option", each, value=each, selected=each == chosen) for each in options]
    return tag("p", tag("label", label, for_=name), tag("select", *inside, id=name, name=name))
