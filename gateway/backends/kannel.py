"""Messages out through Kannel's sendsms service."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode
from urllib.request import Request

from drivers.base import Encoding
from drivers.text import segments
from gateway.backends.http import WebBackend
from gateway.config.http import KannelOptions

CODINGS = {"gsm7": "0", "ucs2": "2"}
"""Kannel's numbers for them."""
ESCAPES = "status=%d&answer=%A"
"""What Kannel puts into the URL of a report: its status as a number, and what the carrier said."""


class KannelBackend(WebBackend):
    """One GET for each recipient, with ``from``, ``to``, ``text``, ``coding``, ``charset`` and what reports need.

    >>> backend = KannelBackend(None, "kannel", username="app", password="app", source="22141")
    >>> backend.request({"identity": "+254700000001", "text": "hi", "id": "m1"}, "+254700000001").full_url
    'http://127.0.0.1:13013/cgi-bin/sendsms?username=app&password=app&to=%2B254700000001&text=hi&coding=0&charset=UTF-8&from=22141'
    """

    options_class = KannelOptions
    options: KannelOptions

    def request(self, values: Mapping[str, str], identity: str) -> Request:
        """Build the GET."""
        options, text = self.options, values["text"]
        query: dict[str, Any] = {
            **self.extra,
            "username": options.username,
            "password": options.password.fresh(),
            "to": values["identity"],
            "text": text.encode(options.charset, "replace"),
            "coding": CODINGS[self._coding(text)],
            "charset": options.charset,
        }
        if source := values.get("source") or options.source:
            query["from"] = source
        if options.smsc is not None:
            query["smsc"] = options.smsc
        if options.dlr_url is not None and options.dlr_mask:
            query |= {"dlr-mask": options.dlr_mask, "dlr-url": self._report_url(values["id"], identity)}
        return Request(self.url(values, query), headers={"user-agent": "sms-gateway"})  # noqa: S310 - as configured

    def _coding(self, text: str) -> str:
        return segments.choose(text) if self.options.coding == "auto" else Encoding(self.options.coding)

    def _report_url(self, id_: str, identity: str) -> str:
        """Where Kannel reports to. A per cent sign begins an escape of Kannel's there, and is written twice."""
        ours = {"id": id_, "identity": identity}
        if self.options.dlr_token is not None:
            ours["token"] = self.options.dlr_token.fresh()
        mark = "&" if "?" in str(self.options.dlr_url) else "?"
        return f"{self.options.dlr_url}{mark}{urlencode(ours).replace('%', '%%')}&{ESCAPES}"
