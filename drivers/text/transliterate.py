"""Characters that GSM 7 bit lacks, written with those that it has. A help for callers; nothing calls it by itself."""

from __future__ import annotations

import unicodedata

from drivers.text.alphabet import encoder

_SUBSTITUTES = (
    ("'", "\u2018\u2019\u201a\u201b\u2032\u2039\u203a`\u00b4\u02bc"),
    ('"', "\u201c\u201d\u201e\u201f\u2033\u00ab\u00bb"),
    ("-", "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u2043"),
    (" ", "\t\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"),
    ("", "\u00ad\u200b\u200e\u200f\u2060\ufeff"),
    ("...", "\u2026"),
    ("*", "\u2022\u00b7\u2219"),
    ("x", "\u00d7"),
    ("/", "\u2044\u2215"),
    ("\n", "\u0085\u2028\u2029"),
    ("(c)", "\u00a9"),
    ("(r)", "\u00ae"),
    ("TM", "\u2122"),
    ("1/2", "\u00bd"),
    ("1/4", "\u00bc"),
    ("3/4", "\u00be"),
    ("l", "\u0142"),
    ("L", "\u0141"),
    ("d", "\u0111"),
    ("D", "\u0110\u00d0"),
    ("i", "\u0131"),
    ("o", "\u00ba"),
    ("a", "\u00aa"),
    ("oe", "\u0153"),
    ("OE", "\u0152"),
    ("\u00df", "\u1e9e"),
)
_TABLE = {character: replacement for replacement, characters in _SUBSTITUTES for character in characters}


def transliterate(text: str) -> str:
    """Quotes, dashes, spaces and accents that GSM 7 bit lacks become the nearest that it has.

    What has no near relative (other scripts, emoji) stays, so the result may still need UCS-2.
    """
    known = encoder()
    return "".join(c if c in known else _nearest(c) for c in unicodedata.normalize("NFC", text))


def _nearest(character: str) -> str:
    if character in _TABLE:
        return _TABLE[character]
    bare = "".join(c for c in unicodedata.normalize("NFKD", character) if not unicodedata.combining(c))
    known = encoder()
    return bare if bare and all(c in known for c in bare) else character
