"""Messages that the tests of lalert.cap start from: one sound CAP document, with one place changed at a time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from unittest.mock import patch

from lalert.cap import build, parse
from lalert.cap.model import Alert
from lalert.cap.parse import Decoded

JST = timezone(timedelta(hours=9))
SENT = datetime(2026, 9, 1, 12, 0, tzinfo=JST)
NOW = SENT + timedelta(minutes=1)

SOUND = """<?xml version="1.0" encoding="UTF-8"?>
<alert xmlns="urn:oasis:names:tc:emergency:cap:1.2">
  <identifier>tokyo-2026-0001</identifier>
  <sender>bousai.tokyo.example.jp</sender>
  <sent>2026-09-01T12:00:00+09:00</sent>
  <status>Actual</status>
  <msgType>Alert</msgType>
  <scope>Public</scope>
  <info>
    <language>ja</language>
    <category>Met</category>
    <event>避難指示</event>
    <responseType>Evacuate</responseType>
    <urgency>Immediate</urgency>
    <severity>Severe</severity>
    <certainty>Likely</certainty>
    <expires>2026-09-02T12:00:00+09:00</expires>
    <headline>千代田区に避難指示</headline>
    <resource>
      <resourceDesc>地図</resourceDesc>
      <mimeType>image/png</mimeType>
      <uri>https://bousai.tokyo.example.jp/map.png</uri>
    </resource>
    <area>
      <areaDesc>千代田区</areaDesc>
      <polygon>35.68,139.73 35.70,139.73 35.70,139.76 35.68,139.73</polygon>
      <circle>35.69,139.75 1.5</circle>
      <geocode>
        <valueName>JISX0402</valueName>
        <value>131016</value>
      </geocode>
      <altitude>0</altitude>
    </area>
  </info>
</alert>
"""


def changed(old: str, new: str) -> bytes:
    """Return the sound message with `old`, which stands there once or more, replaced by `new`."""
    assert old in SOUND
    return SOUND.replace(old, new, 1).encode()


def patiently(raw: bytes) -> Decoded:
    """Return what the patient reading alone gives, with every blank kept until it is read."""
    with patch.object(parse.sound, "read", lambda *_: None), patch.object(parse, "_is_plain", lambda _: False):
        return parse.decode(raw)


def order(**changes: object) -> Alert:
    """Return a built 避難指示 for Chiyoda, with `changes` in the builder's arguments."""
    values: dict[str, object] = {
        "level": 4,
        "hazard": "flood",
        "codes": ["131016"],
        "sender": "bousai.tokyo.example.jp",
        "identifier": "tokyo-2026-0001",
        "sent": SENT,
        "area_desc": "千代田区",
        "headline": "千代田区に避難指示",
        "description": "神田川が氾濫するおそれがあります。",
        "instruction": "直ちに避難してください。",
    }
    return build.order(**(values | changes))  # type: ignore[arg-type]
