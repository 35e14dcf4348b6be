"""Envelopes (EDXL-DE) at the intake: every message inside is judged by itself, and every one is answered.

An envelope with one message is answered like that message. With several, the answer lists them all. Its status says
201 or 200 only when all of them are kept: a sender that looks at nothing else must never take a lost message for a
published one. Sending the same envelope again is always right: what was kept is recognised.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import structlog
from aiohttp import web

from lalert.cap.edxl import Enclosed, Envelope, open_envelope
from lalert.cap.model import Alert
from lalert.cap.parse import decode
from lalert.core.chains import chains
from lalert.core.model import Realm
from lalert.errors import Defect, Finding, LalertError, Rejected, Severity, Text, Unavailable, rejected
from lalert.hub import Accepted
from lalert.render.entry import Json, dump, receipt_to_dict
from lalert.web.problems import problem_dict

log = structlog.get_logger("lalert.web")

Keep = Callable[[bytes], Awaitable[Accepted]]
"""Keeps one message, or raises `LalertError`."""

_WRONG = Text(
    "封筒に誤りがあります。errors をすべて直して再送してください。中の電文は一通も受け付けていません。",
    "The envelope is wrong. Correct all errors and send it again; none of its messages was accepted.",
)
_CONTRADICTED = Text(
    "封筒と電文が食い違っています。受け付けていません。", "Envelope and message contradict each other; not accepted."
)
_DEFECT = Text("内部エラーです。受け付けていません。", "A defect of ours; not accepted.")
_PARTLY = Text(
    "封筒の電文のうち {kept} 通だけを受け付けました。messages に receipt のある電文は配信が始まっています。"
    "problem のある {refused} 通は受け付けていません。",
    "Of the messages in the envelope {kept} were kept: those with a receipt are on their way. "
    "{refused} were not: those with a problem.",
)
_REFUSED = Text(
    "封筒の電文 {refused} 通は、いずれも受け付けていません。",
    "None of the {refused} messages in the envelope was kept.",
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one message of an envelope."""

    message: Enclosed
    result: Accepted | LalertError

    @property
    def status(self) -> int:
        """The HTTP status that the message alone would have had."""
        if isinstance(self.result, Accepted):
            return 201 if self.result.created else 200
        return self.result.status


async def opened(raw: bytes) -> Envelope:
    """Return the envelope in `raw`. Raises `Rejected` (`edxl.invalid`) with everything that is wrong with it."""
    envelope = await asyncio.to_thread(open_envelope, raw)
    if any(finding.severity is Severity.ERROR for finding in envelope.findings):
        raise rejected(envelope.findings, code="edxl.invalid", message=_WRONG)
    return envelope


async def decoded(envelope: Envelope) -> list[Alert | None]:
    """Return what can be read of each message: who it is. Whether it is right is asked when it is kept."""
    return await asyncio.to_thread(lambda: [decode(message.raw).alert for message in envelope.messages])


def agree(envelope: Envelope, alert: Alert | None) -> None:
    """Return if the envelope does not contradict `alert`. Raises `Rejected` (`cap.invalid`)."""
    objections = [] if alert is None else envelope.objections(alert)
    if objections:
        raise rejected(objections, code="cap.invalid", message=_CONTRADICTED)


async def keep_all(envelope: Envelope, keep: Keep) -> list[Outcome]:
    """Keep every message that can be kept, those of a chain one after another; return what became of each."""
    alerts = await decoded(envelope)
    results: dict[int, Accepted | LalertError] = {}

    async def in_turn(chain: Sequence[int]) -> None:
        for position in chain:
            results[position] = await _result(envelope, alerts[position], envelope.messages[position].raw, keep)

    await asyncio.gather(*map(in_turn, chains(alerts)))
    return [Outcome(message, results[position]) for position, message in enumerate(envelope.messages)]


async def _result(envelope: Envelope, alert: Alert | None, raw: bytes, keep: Keep) -> Accepted | LalertError:
    try:
        agree(envelope, alert)
        return await keep(raw)
    except LalertError as error:
        return error
    except Exception:  # the other messages must be kept, and answered, all the same
        log.exception("request.defect")
        return Defect(_DEFECT)


def answer(
    envelope: Envelope, outcomes: Sequence[Outcome], realm: Realm, *, dry_run: bool, correlation_id: str
) -> web.Response:
    """Return the answer that names every message of the envelope."""
    failures = [outcome.result for outcome in outcomes if isinstance(outcome.result, LalertError)]
    messages = [_told(outcome, realm, correlation_id) for outcome in outcomes]
    if failures:
        return _failed(failures, messages, correlation_id)
    body: Json = {"distributionId": envelope.distribution_id, "messages": messages}
    body["findings"] = [finding.to_dict() for finding in envelope.findings]
    status = 201 if not dry_run and any(outcome.status == 201 for outcome in outcomes) else 200
    return _json({"dryRun": True, **body} if dry_run else body, status, "application/json")


def _told(outcome: Outcome, realm: Realm, correlation_id: str) -> Json:
    told: Json = {"line": outcome.message.line, "status": outcome.status}
    if isinstance(outcome.result, Accepted):
        return told | {"receipt": receipt_to_dict(outcome.result.entry, realm)}
    return told | {"problem": problem_dict(outcome.result, correlation_id)}


def _failed(failures: Sequence[LalertError], messages: list[Json], correlation_id: str) -> web.Response:
    """Return the problem document of an envelope that was not kept whole."""
    error = _error(failures, kept=len(messages) - len(failures))
    response = _json(
        problem_dict(error, correlation_id) | {"messages": messages}, error.status, "application/problem+json"
    )
    if isinstance(error, Unavailable):
        response.headers["Retry-After"] = str(error.retry_after_s)
    return response


def _error(failures: Sequence[LalertError], *, kept: int) -> LalertError:
    """Return the error for the whole: try again while that may help any of the messages, else correct them."""
    template = _PARTLY if kept else _REFUSED
    facts = {"kept": kept, "refused": len(failures)}
    text = Text(template.ja.format_map(facts), template.en.format_map(facts))
    code = "edxl.partly" if kept else "edxl.refused"
    waits = [error.retry_after_s for error in failures if isinstance(error, Unavailable)]
    if waits:
        return Unavailable(text, code=code, retry_after_s=max(waits))
    if any(isinstance(error, Defect) for error in failures):
        return Defect(text, code=code)
    return Rejected(text, code=code, findings=_findings(failures))


def _findings(failures: Sequence[LalertError]) -> list[Finding]:
    return [finding for error in failures for finding in error.findings]


def _json(body: Json, status: int, content_type: str) -> web.Response:
    return web.Response(
        body=dump(body), status=status, content_type=content_type, headers={"Cache-Control": "no-store"}
    )
