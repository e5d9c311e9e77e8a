"""What every table of the config is made of: the kinds of its values, and the bases of its models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict

from gateway.config import limit_values, values
from gateway.limits import Hours, Rate

Flag = Annotated[bool, BeforeValidator(values.flag)]
Text = Annotated[str, values.word()]
Words = Annotated[tuple[str, ...], values.words()]
Table = Annotated[dict[str, Any], BeforeValidator(values.table)]
OneRate = Annotated[Rate, BeforeValidator(values.rate)]
Quotas = Annotated[tuple[Rate, ...], BeforeValidator(values.quotas)]
PathBeside = Annotated[Path, BeforeValidator(values.beside)]
Positive = Annotated[float, values.duration(0.001)]
DayHours = Annotated[Hours, BeforeValidator(limit_values.hours)]
Days = Annotated[frozenset[int], BeforeValidator(limit_values.days)]
Zone = Annotated[ZoneInfo, BeforeValidator(limit_values.zone)]
Cost = Annotated[float, BeforeValidator(limit_values.cost)]
Range = Annotated[tuple[int, int | None], BeforeValidator(limit_values.span)]
Octet = Annotated[int, values.whole(0, 0xFF)]


class Section(BaseModel):
    """A table of the config: frozen, and a key that it doesn't know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True, hide_input_in_errors=True)


class Named(Section):
    """A table whose key is a name."""

    name: str


Networks = Annotated[tuple[str, ...], values.words(values.network)]
Listen = Annotated[str, values.word(r"(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}", 'such as "127.0.0.1:2776"')]


class TlsConfig(Section):
    """``tls = { … }`` of an SMPP account."""

    ca: PathBeside | None = None
    cert: PathBeside | None = None
    key: PathBeside | None = None
    server_name: Text | None = None
