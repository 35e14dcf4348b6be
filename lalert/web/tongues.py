"""What languages call themselves: whoever looks for theirs cannot read the name that Japanese has for it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ENDONYMS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ja": "日本語",
        "ja-x-easy": "やさしい日本語",
        "en": "English",
        "zh": "中文",
        "zh-hans": "简体中文",
        "zh-cn": "简体中文",
        "zh-hant": "繁體中文",
        "zh-tw": "繁體中文",
        "ko": "한국어",
        "es": "Español",
        "pt": "Português",
        "id": "Bahasa Indonesia",
        "ms": "Bahasa Melayu",
        "vi": "Tiếng Việt",
        "tl": "Tagalog",
        "fil": "Filipino",
        "th": "ภาษาไทย",
        "ne": "नेपाली",
        "hi": "हिन्दी",
        "bn": "বাংলা",
        "si": "සිංහල",
        "ta": "தமிழ்",
        "ur": "اردو",
        "fa": "فارسی",
        "ar": "العربية",
        "km": "ភាសាខ្មែរ",
        "lo": "ລາວ",
        "my": "မြန်မာ",
        "mn": "Монгол",
        "ru": "Русский",
        "uk": "Українська",
        "fr": "Français",
        "de": "Deutsch",
        "it": "Italiano",
    }
)
"""By language tag in small letters: what CAP messages in Japan are translated into, and its commonest neighbours."""


def endonym(tag: str) -> str:
    """Return what the language of a BCP 47 `tag` calls itself, in the nearest form that is known; else the tag."""
    parts = tag.lower().split("-")
    forms = ("-".join(parts[:length]) for length in range(len(parts), 0, -1))
    return next((ENDONYMS[form] for form in forms if form in ENDONYMS), tag)
