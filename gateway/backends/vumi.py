"""Messages out as JSON, the way Vumi's relay for RapidSMS takes them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.request import Request

from gateway.backends.http import JSON, WebBackend, authorization, post
from gateway.config.http import VumiOptions


class VumiBackend(WebBackend):
    """``content``, ``to_addr`` (a list of one), ``metadata.rapidsms_msg_id``, and ``in_reply_to`` for an answer.

    >>> backend = VumiBackend(None, "vumi", url="https://vumi.example.com/send", source="22141")
    >>> backend.request({"identity": "+1", "text": "hi", "id": "m1"}, "+1").data.decode()
    '{"content": "hi", "to_addr": ["+1"], "session_event": null, "metadata": {"rapidsms_msg_id": "m1"},
    "from_addr": "22141"}'
    """

    options_class = VumiOptions
    options: VumiOptions

    def request(self, values: Mapping[str, str], identity: str) -> Request:  # noqa: ARG002 - as the base
        """Build the POST."""
        body: dict[str, Any] = {
            **self.extra,
            "content": values["text"],
            "to_addr": [values["identity"]],
            "session_event": None,
            "metadata": {"rapidsms_msg_id": values["id"]},
        }
        if source := values.get("source") or self.options.source:
            body["from_addr"] = source
        if "external_id" in values:
            body["in_reply_to"] = values["external_id"]
        return post(self.url(values), json.dumps(body, ensure_ascii=False), JSON, authorization(self.options))
