"""Every code has a message that draws it, and every rule has one that would pass without it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from lalert.cap import parse, profile, rules
from lalert.cap.catalogue import entries
from lalert.cap.reader import Strictness, read

from .messages import NOW, SOUND

LATER = NOW + timedelta(seconds=30)
TESTS = Path(__file__).parents[1]
# Codes whose rules stand beside their own tests.
ELSEWHERE = {
    "cap.edxl.": "cap/test_edxl.py",
    "cap.signature.required": "live/test_signatures.py",
    "cap.signature.": "cap/test_signature.py",
    "cap.xml.character": "cap/test_render.py",
}

EVENT = "<event>避難指示</event>"
AREA = SOUND[SOUND.index("<area>") : SOUND.index("</area>") + 7]
INFO = SOUND[SOUND.index("<info>") : SOUND.index("</info>") + 7]
RING = "35.68,139.73 35.70,139.73 35.70,139.76 35.68,139.73"
TYPE = "<msgType>Alert</msgType>"
UPDATE = TYPE.replace("Alert", "Update")
URI = "<uri>https://bousai.tokyo.example.jp/map.png</uri>"
EXPIRES = "2026-09-02T12:00:00+09:00</expires>"


def refers(*triples: str) -> tuple[str, str]:
    """Return the change that gives the message references."""
    return "<info>", f"<references>{' '.join(triples)}</references><info>"


def says(**parameters: str) -> tuple[str, str]:
    """Return the change that gives the info parameters of the profile."""
    pairs = (
        f"<parameter><valueName>jp-alert:{n}</valueName><value>{v}</value></parameter>" for n, v in parameters.items()
    )
    return "<resource>", "".join(pairs) + "<resource>"


ITSELF = "bousai.tokyo.example.jp,tokyo-2026-0001,2026-09-01T12:00:00+09:00"
BEFORE = "a,b,2026-09-01T11:00:00+09:00"
LIFTED = ("<responseType>Evacuate<", "<responseType>AllClear<")
PAST = ("<urgency>Immediate<", "<urgency>Past<")

CHANGES: dict[str, list[tuple[str, str]]] = {
    "cap.xml.size": [("<info>", "<note>" + "x" * parse.MAX_BYTES + "</note><info>")],
    "cap.xml.elements": [("<info>", "<code/>" * (parse.MAX_CHILDREN + 1) + "<info>")],
    "cap.xml.attributes": [("<info>", "<info" + ' a = "1"' * (parse.MAX_ATTRIBUTES + 1) + ">")],
    "cap.xml.depth": [("<info>", "<x>" * 300 + "</x>" * 300 + "<info>")],
    "cap.xml.syntax": [("</alert>", "")],
    "cap.xml.doctype": [("<alert", "<!DOCTYPE alert><alert")],
    "cap.xml.root": [("<alert ", "<alarm "), ("</alert>", "</alarm>")],
    "cap.xml.namespace": [("cap:1.2", "cap:1.3")],
    "cap.version.old": [("cap:1.2", "cap:1.1")],
    "cap.schema.missing": [(EVENT, "")],
    "cap.schema.element": [("<info>", "<weather/><info>")],
    "cap.schema.order": [("<scope>Public</scope>", ""), ("<status>", "<scope>Public</scope><status>")],
    "cap.schema.repeated": [(EVENT, EVENT * 2)],
    "cap.schema.spelling": [("<valueName>JISX0402</valueName>", "<valuename>JISX0402</valuename>")],
    "cap.schema.foreign": [("<info>", '<x:note xmlns:x="urn:x"/><info>')],
    "cap.schema.nested": [(EVENT, "<event>避難<b>指示</b></event>")],
    "cap.schema.enumeration": [("<status>Actual<", "<status>actual<")],
    "cap.schema.attribute": [("<info>", '<info id="1">')],
    "cap.schema.text": [("<info>", "<info>text")],
    "cap.schema.type": [("<altitude>0<", "<altitude>high<")],
    "cap.time.empty": [(EXPIRES, "</expires>")],
    "cap.time.format": [(EXPIRES, "tomorrow</expires>")],
    "cap.time.zulu": [(EXPIRES, "2026-09-02T12:00:00Z</expires>")],
    "cap.time.fraction": [(EXPIRES, "2026-09-02T12:00:00.5+09:00</expires>")],
    "cap.time.zone": [(EXPIRES, "2026-09-02T12:00:00</expires>")],
    "cap.time.date": [(EXPIRES, "2026-09-31T12:00:00+09:00</expires>")],
    "cap.time.offset": [(EXPIRES, "2026-09-02T12:00:00+15:00</expires>")],
    "cap.time.utc": [(EXPIRES, "2026-09-02T12:00:00+00:00</expires>")],
    "cap.references.form": [refers("somebody")],
    "cap.references.time": [refers("a,b,yesterday")],
    "cap.references.old": [("cap:1.2", "cap:1.1"), refers("somebody")],
    "cap.polygon.syntax": [(RING, "35.68 139.73")],
    "cap.circle.syntax": [("35.69,139.75 1.5", "35.69,139.75")],
    "cap.area.empty": [(RING, "")],
    "cap.identifier.form": [(">tokyo-2026-0001<", ">tokyo 1<")],
    "cap.sender.form": [(">bousai.tokyo.example.jp<", ">bousai,tokyo<")],
    "cap.sent.year": [("<sent>2026", "<sent>2569")],
    "cap.references.missing": [(TYPE, UPDATE)],
    "cap.references.self": [(TYPE, UPDATE), refers(ITSELF)],
    "cap.references.later": [(TYPE, UPDATE), refers("a,b,2026-09-01T12:00:01+09:00")],
    "cap.references.double": [(TYPE, UPDATE), refers(BEFORE, BEFORE)],
    "cap.restriction.missing": [("<scope>Public<", "<scope>Restricted<")],
    "cap.addresses.missing": [("<scope>Public<", "<scope>Private<")],
    "cap.quotes.open": [("<info>", '<incidents>"Typhoon 10</incidents><info>')],
    "cap.note.exercise": [("<status>Actual<", "<status>Exercise<")],
    "cap.note.error": [(TYPE, TYPE.replace("Alert", "Error")), refers(BEFORE)],
    "cap.response.assess": [("<responseType>Evacuate<", "<responseType>Assess<")],
    "cap.expires.before_sent": [("2026-09-02T12:00:00", "2026-09-01T11:59:59")],
    "cap.name.long": [("tokyo-2026-0001", "x" * (rules.MAX_NAME + 1))],
    "cap.references.many": [
        (
            "</scope>",
            f"</scope><references>{'a,b,2026-09-01T11:00:00+09:00 ' * (rules.MAX_REFERENCES + 1)}</references>",
        )
    ],
    "cap.limits areas": [(AREA, AREA * (rules.MAX_AREAS + 1))],
    "cap.limits infos": [(INFO, INFO * (rules.MAX_INFOS + 1))],
    "cap.limits shapes": [("<circle>35.69,139.75 1.5</circle>", "<circle>35,139 1</circle>" * (rules.MAX_SHAPES + 1))],
    "cap.language.empty": [("<language>ja<", "<language><")],
    "cap.language.form": [("<language>ja<", "<language>ja_JP<")],
    "cap.headline.long": [("千代田区に避難指示", "あ" * 161)],
    "cap.web.relative": [("<resource>", "<web>www.example.jp</web><resource>")],
    "cap.mimetype.form": [("image/png", "png")],
    "cap.uri.relative": [(URI, "<uri>map.png</uri>")],
    "cap.derefuri.form": [(URI, URI + "<derefUri>?</derefUri>")],
    "cap.digest.form": [(URI, URI + "<digest>?</digest>")],
    "cap.polygon.short": [(RING, "35.68,139.73 35.70,139.73 35.68,139.73")],
    "cap.polygon.open": [(RING, RING.replace("35.68,139.73", "35.68,139.74", 1))],
    "cap.polygon.range": [(RING, RING.replace("139.76", "189.76"))],
    "cap.polygon.flat": [(RING, "35,139 36,139 35,139 36,139 35,139")],
    "cap.circle.range": [("35.69,139.75 1.5", "95.69,139.75 1.5")],
    "cap.circle.radius": [("35.69,139.75 1.5", "35.69,139.75 -1.5")],
    "cap.ceiling.alone": [("<altitude>0</altitude>", "<ceiling>0</ceiling>")],
    "cap.ceiling.low": [("<altitude>0</altitude>", "<altitude>0</altitude><ceiling>-1</ceiling>")],
    "cap.geocode.alone": [(f"<polygon>{RING}</polygon>", ""), ("<circle>35.69,139.75 1.5</circle>", "")],
    "cap.expires.past": [("2026-09-02T12:00:00", "2026-09-01T12:00:30")],
    "cap.expires.partly": [(INFO, INFO + INFO.replace("2026-09-02", "2026-09-01").replace(">ja<", ">en<"))],
    "cap.sent.future": [("<sent>2026-09-01T12", "<sent>2026-09-01T14")],
    "cap.sent.ahead": [("<sent>2026-09-01T12:00", "<sent>2026-09-01T12:05")],
    "cap.sent.old": [("<sent>2026-09-01", "<sent>2026-08-30")],
    "jp.info.missing": [(INFO, "")],
    "jp.area.missing": [(AREA, "")],
    "jp.language.first": [("<language>ja<", "<language>en<")],
    "jp.level.range": [says(level="6")],
    "jp.level.tsunami": [says(level="4", hazard="tsunami")],
    "jp.level.order": [says(level="3", hazard="flood")],
    "jp.response.evacuate": [says(level="5", hazard="flood"), (EVENT, "<event>緊急安全確保</event>")],
    "jp.urgency.late": [("<urgency>Immediate<", "<urgency>Future<")],
    "jp.words.unusual": [("<severity>Severe<", "<severity>Minor<")],
    "jp.lift.cancel": [(TYPE, TYPE.replace("Alert", "Cancel")), refers(BEFORE), LIFTED, PAST],
    "jp.lift.response": [(EVENT, "<event>避難指示の解除</event>")],
    "jp.lift.type": [LIFTED, PAST],
    "jp.lift.urgency": [(TYPE, UPDATE), refers(BEFORE), LIFTED],
    "jp.term.abolished": [(EVENT, "<event>避難勧告</event>")],
    "jp.term.headline": [("千代田区に避難指示", "避難勧告から避難指示へ")],
    "jp.correction.note": [(TYPE, UPDATE), refers(BEFORE), says(infoType="訂正")],
    "jp.correction.type": [says(infoType="訂正")],
    "jp.references.unread": [("cap:1.2", "cap:1.1"), (TYPE, UPDATE), refers("somebody")],
    "jp.cancel.note": [(TYPE, TYPE.replace("Alert", "Cancel")), refers(BEFORE)],
    "jp.drill.live": [("千代田区に避難指示", "【訓練】千代田区に避難指示【訓練】")],
    "jp.drill.marks": [("<status>Actual<", "<status>Exercise<")],
    "jp.decided.form": [says(decidedAt="noon")],
    "jp.geocode.name": [("<valueName>JISX0402<", "<valueName>ZIP<")],
    "jp.geocode.form": [("<value>131016<", "<value>13101<")],
    "jp.geocode.check_digit": [("<value>131016<", "<value>131015<")],
}
UPSTREAM: dict[str, bytes] = {
    "cap.repair.wrapping": b"\n " + SOUND.encode(),
    "cap.repair.encoding": SOUND.encode("shift_jis"),
    "cap.repair.prefix": SOUND.replace("<alert ", "<c:alert ").replace("</alert>", "</c:alert>").encode(),
    "cap.repair.characters": SOUND.replace("<headline>", "<headline>&").encode(),
    "cap.repair.case": SOUND.replace(">Actual<", ">ACTUAL<").encode(),
    "cap.repair.ring": SOUND.replace(RING, RING.replace("35.68,139.73", "35.68,139.74", 1)).encode(),
    "cap.repair.space": SOUND.replace("tokyo-2026-0001", " tokyo-2026-0001").encode(),
    "cap.repair.references": SOUND.replace(
        "</scope>", "</scope><references>a, b, 2026-09-01T11:00:00Z</references>"
    ).encode(),
    "cap.repair.language": SOUND.replace(">ja<", ">ja_JP<").encode(),
    "cap.repair.shape": SOUND.replace("139.76", "189.76").encode(),
}
RULES = [
    pytest.param(module, table, rule, id=f"{module.__name__.rpartition('.')[2]}.{rule.__name__}")
    for module, tables in (
        (rules, ("ALERT_RULES", "INFO_RULES", "RESOURCE_RULES", "AREA_RULES")),
        (profile, ("MESSAGE_RULES", "INFO_RULES", "PLACE_RULES")),
    )
    for table in tables
    for rule in getattr(module, table)
]


def message(changes: list[tuple[str, str]]) -> bytes:
    """Return the sound message with each change made."""
    text = SOUND
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text.encode()


MESSAGES = {name: message(changes) for name, changes in CHANGES.items()}
ALERTS = {name: alert for name, raw in MESSAGES.items() if (alert := parse.decode(raw).alert)}


def told(raw: bytes, strictness: Strictness = Strictness.PRODUCER) -> set[str]:
    """Return the codes of what is found in `raw`."""
    return {finding.code for finding in read(raw, strictness=strictness, now=LATER).findings}


def judged() -> dict[str, set[str]]:
    """Return the codes that the rules find in each message that has values."""
    return {
        name: {finding.code for finding in (*rules.check(alert), *profile.check(alert, now=LATER))}
        for name, alert in ALERTS.items()
    }


def test_the_sound_message_is_silent() -> None:
    """What the others are changed from draws nothing."""
    assert told(SOUND.encode()) == set()


def test_every_code_has_its_message() -> None:
    """No code of the catalogue goes without a message here, or a test beside its own rules."""
    apart = {code for code in entries() if code.startswith(tuple(ELSEWHERE))}
    assert {name.split()[0] for name in MESSAGES} | set(UPSTREAM) | {"cap.rule.crashed"} | apart == set(entries())
    for code in apart:
        place = next(name for prefix, name in ELSEWHERE.items() if code.startswith(prefix))
        assert code.rpartition(".")[2] in (TESTS / place).read_text("utf-8"), code


@pytest.mark.parametrize("name", MESSAGES)
def test_code_is_told(name: str) -> None:
    """The message draws the code. Of a received one the schema refuses the language; of a built one, the rule."""
    codes = judged()[name] if name == "cap.language.form" else told(MESSAGES[name])
    assert name.split()[0] in codes


@pytest.mark.parametrize("code", UPSTREAM)
def test_repair_is_told(code: str) -> None:
    """What is mended in a message of others is said; our own senders' are not mended."""
    assert code in told(UPSTREAM[code], Strictness.UPSTREAM)
    assert code not in told(UPSTREAM[code])


@pytest.mark.parametrize(("module", "table", "rule"), RULES)
def test_without_its_rule_a_code_is_gone(
    module: object, table: str, rule: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each rule is the only one to tell of something: without it, a message that is wrong would pass for right."""
    before = judged()
    left = tuple(other for other in getattr(module, table) if other is not rule)
    monkeypatch.setattr(module, table, left)
    after = judged()
    assert any(name.split()[0] in before[name] - codes for name, codes in after.items())
    assert all(codes <= before[name] for name, codes in after.items())


def test_a_rule_that_crashes_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A rule that fails is a finding of its own, beside all the others."""

    def crashing(_: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(rules, "ALERT_RULES", (crashing, *rules.ALERT_RULES))
    assert told(SOUND.encode()) == {"cap.rule.crashed"}
    assert told(MESSAGES["cap.sender.form"]) >= {"cap.rule.crashed", "cap.sender.form"}
