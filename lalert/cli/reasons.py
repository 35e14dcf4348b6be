"""Why nothing could be fetched, for people: what `Unfetched.reason` and a source's `Fault` mean."""

from __future__ import annotations

from typing import Final

from lalert.errors import Text

_REASONS: Final = {
    "name_unknown": Text("サーバー名が見つかりません", "there is no server of this name"),
    "connection_failed": Text("接続できません", "no connection"),
    "tls_failed": Text("サーバー証明書を確認できません", "its certificate cannot be verified"),
    "timeout": Text("時間内に応答がありません", "no answer in time"),
    "connection_closed": Text("途中で切断されました", "the connection was closed"),
    "protocol_error": Text("応答が HTTP ではありません", "its answer is no HTTP"),
    "too_large": Text("大きすぎます", "it is too large"),
    "redirects": Text("転送をたどれません", "its redirects lead nowhere"),
    "encoded": Text("展開できない圧縮です", "it is compressed in a way that is not read here"),
    "address_refused": Text(
        "構内のアドレスか http です。構内なら allow で許可してください",
        "a private address, or plain http: open a network of your own with allow",
    ),
    "source.form": Text("CAP・Atom・RSS・EDXL-DE のどれでもありません", "it is no CAP, Atom, RSS or EDXL-DE"),
    "xml.unreadable": Text("XML として読めません", "it cannot be read as XML"),
}
_STATUS: Final = "http_"


def reason_of(name: str) -> Text:
    """Return what the reason `name` means; one that is not known here by its name."""
    if name.startswith(_STATUS):
        status = name.removeprefix(_STATUS)
        return Text(f"応答 {status}", f"answer {status}")
    return _REASONS.get(name, Text(f"応答を読めません（{name}）", f"its answer cannot be read ({name})"))
