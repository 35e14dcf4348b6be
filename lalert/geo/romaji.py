"""Kana in Latin letters, as the signs at railway stations have them (Hepburn), and one spelling to search by.

Nobody types long vowels alike: おおさか is Osaka, Oosaka, Ōsaka or Ohsaka. `plain` makes all of them one.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_ROWS: Final = {
    "あいうえお": ("a", "i", "u", "e", "o"),
    "かきくけこ": ("ka", "ki", "ku", "ke", "ko"),
    "がぎぐげご": ("ga", "gi", "gu", "ge", "go"),
    "さしすせそ": ("sa", "shi", "su", "se", "so"),
    "ざじずぜぞ": ("za", "ji", "zu", "ze", "zo"),
    "たちつてと": ("ta", "chi", "tsu", "te", "to"),
    "だぢづでど": ("da", "ji", "zu", "de", "do"),
    "なにぬねの": ("na", "ni", "nu", "ne", "no"),
    "はひふへほ": ("ha", "hi", "fu", "he", "ho"),
    "ばびぶべぼ": ("ba", "bi", "bu", "be", "bo"),
    "ぱぴぷぺぽ": ("pa", "pi", "pu", "pe", "po"),
    "まみむめも": ("ma", "mi", "mu", "me", "mo"),
    "やゆよ": ("ya", "yu", "yo"),
    "らりるれろ": ("ra", "ri", "ru", "re", "ro"),
    "わゐゑをん": ("wa", "i", "e", "o", "n"),
}
_SOUNDS: Final = {kana: sound for row, sounds in _ROWS.items() for kana, sound in zip(row, sounds, strict=True)}
_GLIDES: Final = {"ゃ": "a", "ゅ": "u", "ょ": "o"}
_WITHOUT_Y: Final = ("sh", "ch", "j")
_LIPS: Final = ("b", "m", "p")
_LONG: Final = re.compile(r"(?<=[aeiou])h(?=[^aeiouy]|$)|(?<=[ou])u|(?<=o)o|(?<=a)a|(?<=e)e")
_NOT_A_LETTER: Final = re.compile(r"[^a-z0-9]")

KATAKANA_TO_HIRAGANA: Final = {code: code - 0x60 for code in range(ord("ァ"), ord("ヶ") + 1)}


def hepburn(kana: str) -> str:
    """Return hiragana in Latin letters: きたく -> kitaku, しんばし -> shimbashi. What is no kana stays as it is."""
    sounds: list[str] = []
    double = False
    for sign in kana:
        if sign in _GLIDES and sounds and sounds[-1].endswith("i"):
            sounds[-1] = _glided(sounds[-1], _GLIDES[sign])
        elif sign == "っ":
            double = True
        elif sign != "ー":
            sound = _SOUNDS.get(sign, sign)
            sounds.append(_doubled(sound) if double else sound)
            double = False
    return "".join(_before_lips(sounds))


def plain(text: str) -> str:
    """Return Latin text without what people spell differently: case, macrons, hyphens, long vowels, m before b.

    An English name and the kana of the same place have the same beginning. "" for a text without Latin letters.
    """
    letters = unicodedata.normalize("NFKD", text).casefold()
    if not letters.isascii():
        letters = "".join(sign for sign in letters if not unicodedata.combining(sign))
    if not letters.isascii():
        return ""
    return re.sub("m(?=[bmp])", "n", _LONG.sub("", _NOT_A_LETTER.sub("", letters)))


def _glided(before: str, vowel: str) -> str:
    stem = before[:-1]
    return stem + vowel if stem.endswith(_WITHOUT_Y) else f"{stem}y{vowel}"


def _doubled(sound: str) -> str:
    return "t" + sound if sound.startswith("ch") else sound[:1] + sound


def _before_lips(sounds: list[str]) -> list[str]:
    return ["m" if s == "n" and n.startswith(_LIPS) else s for s, n in zip(sounds, (*sounds, "")[1:], strict=True)]
