"""What the pages themselves say, in Japanese and in English; what an alert says is `render.wording`'s business."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from lalert.errors import Text

LANGUAGES: Final = ("ja", "en")

PHRASES: Final[Mapping[str, Text]] = MappingProxyType(
    {
        "skip": Text("本文へ", "Skip to the content"),
        "menu": Text("メニュー", "Menu"),
        "home": Text("全国の状況", "All Japan"),
        "areas": Text("地域を選ぶ", "Choose an area"),
        "find": Text("市区町村名・郵便番号・コード", "Municipality, postal code or area code"),
        "search": Text("検索", "Search"),
        "drill": Text("【訓練】これは訓練です【訓練】", "【訓練】 EXERCISE – this is not a real alert 【訓練】"),
        "live_on": Text("自動更新中", "Live"),
        "live_wait": Text("接続しています", "Connecting"),
        "live_off": Text(
            "接続が切れています。表示は最新ではない可能性があります。", "Connection lost: this page may be out of date."
        ),
        "stale": Text("表示が最新ではない可能性があります。", "What you see may be out of date."),
        "stale_since": Text("情報の更新が止まった時刻", "Not updated since"),
        "stale_detail": Text(
            "情報を保存する装置に接続できません。新しい発令や解除が反映されていない場合があります。テレビ・ラジオ・市区町村の情報も確認してください。",
            "The hub cannot reach its store. New alerts and all-clears may be missing: check television, radio and "
            "your municipality, too.",
        ),
        "in_force": Text("発令中の情報", "Alerts in force"),
        "count_in_force": Text("発令中 {n}件", "{n} in force"),
        "none": Text("現在、発令中の情報はありません。", "No alert is in force now."),
        "none_here": Text("現在、この地域で発令中の情報はありません。", "No alert is in force here now."),
        "none_caution": Text(
            "このページに載るのは、本システムに届いた情報だけです。表示がないことは、安全を保証するものではありません。",
            "Only what reached this hub is shown. An empty list does not mean that it is safe.",
        ),
        "heard": Text("最後に情報を受信した時刻", "The hub last heard from a sender at"),
        "heard_never": Text(
            "このシステムは、まだ情報を受信していません。", "The hub has not yet heard from any sender."
        ),
        "cancelled": Text("取り消された情報（誤発信）", "Cancelled: sent in error"),
        "cancelled_action": Text(
            "次の情報は取り消されました。従う必要はありません。", "Do not act on these alerts: they were cancelled."
        ),
        "ended": Text("終了した情報（72時間以内）", "Ended in the last 72 hours"),
        "more": Text("ほか{n}件", "{n} more"),
        "count": Text("{n}件", "({n})"),
        "tally": Text("警戒レベル別の件数", "Number of alerts by level"),
        "banner_was_false": Text(
            "この情報は誤って発信されたもので、取り消されました。従う必要はありません。",
            "This message was sent in error and has been cancelled. Do not act on it.",
        ),
        "banner_was_lifted": Text("この情報は解除されました。", "This message has been lifted."),
        "banner_says_false": Text(
            "先に発表された情報の取消です。先の情報に従う必要はありません。",
            "This cancels a message sent in error. Do not act on the message before.",
        ),
        "banner_says_lifted": Text("先に発表された情報の解除です。", "This lifts what was issued before."),
        "cancelled_mark": Text("取消", "×"),
        "follow": Text("それぞれの指示に従ってください", "Follow the instructions"),
        "to_map": Text("地図へ", "To the map"),
        "map_japan_alt": Text(
            "発令中の地域を示した日本地図。同じ内容を一覧に載せています。",
            "Map of Japan with the areas in force. The list says the same.",
        ),
        "map_area_alt": Text("{name}の地図。同じ内容を一覧に載せています。", "Map of {name}. The list says the same."),
        "map_alert_alt": Text(
            "対象地域の地図。同じ地域を「対象地域」に文字で載せています。",
            "Map of the area. The same area is given in words under “Area”.",
        ),
        "chart": Text("動く地図", "Interactive map"),
        "chart_short": Text("地図", "Map"),
        "to_list": Text("一覧へ", "To the list"),
        "chart_closer": Text("拡大", "Zoom in"),
        "chart_farther": Text("縮小", "Zoom out"),
        "chart_whole": Text("全国", "All Japan"),
        "chart_when": Text("時刻（過去72時間）", "Time (past 72 hours)"),
        "chart_present": Text("現在", "Now"),
        "chart_past": Text("この時刻に発令中だった情報", "In force at that time"),
        "chart_then": Text("の状況を表示しています。現在の情報ではありません。", "is shown. This is not the present."),
        "chart_loading": Text("の状況を読み込んでいます。", "is being loaded."),
        "chart_nothing": Text("発令中のものはありません。", "Nothing is in force there."),
        "chart_beyond": Text("の記録はありません。", "is not on record."),
        "chart_failed": Text(
            "地図の情報を読み込めません。くり返し試しています。一覧を確認してください。",
            "The map cannot be loaded; it is tried again. See the list.",
        ),
        "map_large": Text("地図を大きく表示", "Larger map"),
        "issued": Text(" 発表", ""),
        "issued_before": Text("", "issued "),
        "until": Text("まで", ""),
        "until_before": Text("", "until "),
        "update_tag": Text("更新", "Updated"),
        "what_to_do": Text("とるべき行動", "What to do"),
        "newer": Text("最新の情報を見る", "See what replaced it"),
        "cancel_reason": Text("理由", "Reason"),
        "texts": Text("本文", "Text"),
        "other_languages": Text("ほかの言語", "Other languages"),
        "facts": Text("発表の内容", "Details"),
        "sender": Text("発信者", "Sender"),
        "sent": Text("発信", "Sent"),
        "decided": Text("決定", "Decided"),
        "received": Text("受信", "Received"),
        "effective": Text("有効期間の始まり", "From"),
        "onset": Text("始まる見込み", "Expected to begin"),
        "expires": Text("有効期限", "Until"),
        "event": Text("種別", "Event"),
        "left_out": Text("前回からの変更", "Changed since"),
        "contact": Text("問い合わせ先", "Contact"),
        "web": Text("発信者のページ", "Sender's page"),
        "resources": Text("添付", "Attached"),
        "identifier": Text("識別子", "Identifier"),
        "attribution": Text("出典", "Source"),
        "signed": Text("電子署名（確認済み）", "Signed (verified)"),
        "state": Text("状態", "State"),
        "area": Text("対象地域", "Area"),
        "area_part": Text("（一部）", " (part)"),
        "area_size": Text("約{n} km²", "about {n} km²"),
        "lifted": Text("解除", "Lifted"),
        "history": Text("これまでの経過", "History"),
        "this_one": Text("この情報", "this message"),
        "as_data": Text("データ", "Data"),
        "cap_raw": Text("CAP（受信したまま）", "CAP as received"),
        "kind_alert": Text("発表", "Alert"),
        "kind_update": Text("更新", "Update"),
        "kind_correction": Text("訂正", "Correction"),
        "kind_expire": Text("期限終了", "Expired"),
        "at_end": Text("終了", "ended"),
        "at_cancel": Text("取消", "cancelled"),
        "comma": Text("、", ", "),
        "note": Text("備考", "Note"),
        "operators": Text("稼働状況", "Status"),
        "atom": Text("Atomフィード", "Atom feed"),
        "prefecture": Text("都道府県", "Prefectures"),
        "municipalities": Text("市区町村", "Municipalities"),
        "results": Text("「{q}」の検索結果", "Results for “{q}”"),
        "no_results": Text("該当する市区町村はありません。", "No municipality was found."),
        "search_hint": Text(
            "市区町村名、よみがな、郵便番号（7桁）、または全国地方公共団体コード（6桁）で探せます。",
            "Search by name, kana, postal code (7 digits), or municipality code (6 digits).",
        ),
        "too_many": Text("候補が多いため、最初の{n}件を表示しています。", "Only the first {n} are shown."),
        "problem_found": Text("見つかった問題", "What was found"),
        "problem_id": Text("問い合わせ番号", "Reference"),
        "problem_retry": Text(
            "しばらくしてから、もう一度開いてください。お急ぎのときは、テレビ・ラジオや市区町村の情報を確認してください。",
            "Try again in a moment. If it is urgent, turn to television, radio or your municipality.",
        ),
        "back": Text("全国の状況へ戻る", "Back to all Japan"),
        "disclaimer": Text(
            "お住まいの市区町村の指示を優先し、危険を感じたら、情報を待たずに避難してください。",
            "Follow your municipality. If you feel in danger, leave without waiting for an alert.",
        ),
        "boundaries": Text("境界データ", "Boundary data"),
        "live_switch": Text("本番環境", "Live site"),
        "notify": Text("通知を受け取る", "Get notifications"),
        "notify_short": Text("通知", "Notifications"),
        "notify_area": Text("この地域の通知を受け取る", "Get notifications for this area"),
        "notify_lead": Text(
            "選んだ地域に避難情報などが出たとき、解除されたときに、この端末へ通知します。",
            "This device is notified when alerts are issued for the places you choose, and when they end.",
        ),
        "notify_privacy": Text(
            "氏名・住所・メールアドレス・位置情報（緯度経度）は保存しません。登録はいつでもやめられます。",
            "No name, address, mail address or position is kept. You can stop at any time.",
        ),
        "notify_noscript": Text(
            "通知の登録には JavaScript が必要です。", "JavaScript is needed to subscribe to notifications."
        ),
        "notify_where": Text("どこの情報を受け取りますか", "Where?"),
        "notify_no_place": Text("まだ地域が選ばれていません。", "No place is chosen yet."),
        "notify_remove": Text("外す", "Remove"),
        "notify_add": Text("加える", "Add"),
        "notify_cell": Text("いまいる区画", "Square"),
        "notify_here": Text("いまいる場所を加える", "Add where I am now"),
        "notify_size": Text("区画の広さ", "Size of the square"),
        "notify_what": Text("どんな情報を受け取りますか", "What?"),
        "notify_level": Text("警戒レベル", "Alert level"),
        "notify_level_all": Text("すべて", "All"),
        "notify_level_2": Text("2以上", "2 and above"),
        "notify_level_3": Text("3以上（高齢者等避難から）", "3 and above (those who need time evacuate)"),
        "notify_level_4": Text("4以上（避難指示から）", "4 and above (everyone evacuates)"),
        "notify_level_5": Text("5だけ（緊急安全確保）", "5 only (secure your safety)"),
        "notify_level_note": Text(
            "津波警報や緊急地震速報のように警戒レベルのない情報は、緊急度に応じて通知します。",
            "What has no level by law, such as tsunami warnings, is notified by its urgency.",
        ),
        "notify_hazards": Text("災害の種類をしぼる", "Only certain hazards"),
        "notify_hazards_note": Text("選ばなければ、すべての種類を通知します。", "All, if none is chosen."),
        "notify_quiet": Text("夜間などは通知を控える", "Quiet hours"),
        "notify_quiet_from": Text("開始", "From"),
        "notify_quiet_to": Text("終了", "To"),
        "notify_quiet_note": Text(
            "控える時間帯でも、警戒レベル4以上の情報と、津波警報や緊急地震速報などの緊急の情報は、音を出して通知します。"
            "解除などは音を出さずに通知します。",
            "Level 4 and above, and what is as urgent (tsunami, earthquake early warning), still make a sound. "
            "What ends is shown without one.",
        ),
        "notify_start": Text("通知を受け取る", "Notify me"),
        "notify_change": Text("この内容に変更する", "Save the changes"),
        "notify_test": Text("テスト通知を送る", "Send a test"),
        "notify_stop": Text("通知をやめる", "Stop notifications"),
        "notify_subscribed": Text(
            "登録しました。「テスト通知を送る」で届くことを確かめてください。",
            "Subscribed. Send a test to make sure that it arrives.",
        ),
        "notify_tested": Text(
            "テスト通知を送りました。数秒で届きます。", "A test was sent. It arrives within seconds."
        ),
        "notify_stopped": Text(
            "通知をやめました。登録内容は消去しました。", "Stopped, and everything about it was deleted."
        ),
        "notify_denied": Text(
            "このサイトからの通知が許可されていません。ブラウザの設定で通知を許可してください。",
            "Notifications from this site are not allowed. Allow them in the settings of your browser.",
        ),
        "notify_unsupported": Text(
            "このブラウザでは通知を受け取れません。"
            "iPhone・iPad では、このページをホーム画面に追加し、そこから開いてください。",
            "This browser takes no notifications. On iPhone and iPad add this page to the Home Screen first.",
        ),
        "notify_insecure": Text(
            "通知を受け取るには、https:// のアドレスで開いてください。", "Open this page by https:// to subscribe."
        ),
        "notify_locating": Text("場所を調べています…", "Finding out where you are…"),
        "notify_no_position": Text(
            "場所がわかりませんでした。市区町村名で探してください。", "Your position is not known. Search by name."
        ),
        "notify_abroad": Text("日本の外にいるようです。", "You seem to be outside Japan."),
        "notify_too_many": Text("これ以上は加えられません。", "No more can be added."),
        "notify_failed": Text(
            "うまくいきませんでした。しばらくしてからもう一度試してください。", "That did not work. Try again later."
        ),
        "check": Text("電文の検査", "Check a message"),
        "check_lead": Text(
            "CAP の電文か、電文を入れた EDXL-DE の封筒を貼り付けるか、ファイルを選んでください。"
            "誤りのある行と直し方、届く地域、住民や報道機関にどう見えるかを示します。",
            "Paste a CAP message, or an EDXL-DE envelope of several, or pick a file. You will see which lines are "
            "wrong, what to do, whom it would reach and how it would look.",
        ),
        "check_privacy": Text(
            "送られた電文は、検査に使うだけです。保存も配信もしません。",
            "What you send is checked and forgotten: nothing is kept, nothing is published.",
        ),
        "check_form": Text("検査する電文", "The message"),
        "check_again": Text("直して、もう一度検査する", "Correct it and check again"),
        "check_message": Text("電文（XML）", "Message (XML)"),
        "check_file": Text("またはファイル（選ぶと、こちらを検査します）", "Or a file, which is checked instead"),
        "check_profile": Text("検査の規則", "Rules"),
        "check_profile_jp": Text("CAP と日本の検査規則、対象地域", "CAP, Japanese profile, areas"),
        "check_profile_core": Text("CAP だけ", "CAP alone"),
        "check_strictness": Text("電文の出どころ", "Who made it"),
        "check_strictness_producer": Text("自分で発信する（厳しく検査）", "We do: strict"),
        "check_strictness_upstream": Text("他の機関から取り込む（ゆるやかに検査）", "Somebody else: lenient"),
        "check_go": Text("検査する", "Check"),
        "check_other_language": Text("Check in English", "日本語で検査する"),
        "check_bounds": Text(
            "通常 1 MiB まで。続けて何度も送ると、しばらく受け付けません。プログラムからは POST /api/v1/validate か "
            "lalert validate を使ってください。キーの権限や、発令中の情報との関係は、ここでは検査しません。",
            "At most 1 MiB as a rule, and not too often. Programs use POST /api/v1/validate or lalert validate. What "
            "your key may alert and what is in force are not looked at here.",
        ),
        "check_nothing": Text(
            "電文がありません。貼り付けるか、ファイルを選んでください。",
            "There is no message: paste one or pick a file.",
        ),
        "check_valid": Text("誤りはありません。", "Nothing is wrong."),
        "check_invalid": Text(
            "誤りがあります。このままでは受け付けられません。", "It has errors and would be refused."
        ),
        "check_caution": Text(
            "この画面は検査だけです。配信するには、キーを添えて送信してください。",
            "It was only checked. To publish it, post it with your key.",
        ),
        "check_refused": Text(
            "ただし、ここに送信しても配信されません。理由は「見え方と届く地域」にあります。",
            "All the same it would not be published here. The reason is under “How it looks, and whom it reaches”.",
        ),
        "check_error": Text("エラー", "Error"),
        "check_warning": Text("警告", "Warning"),
        "check_info": Text("参考", "Remark"),
        "check_messages": Text("電文 {n}通", "{n} messages"),
        "check_found": Text("書かれていたもの", "Found"),
        "check_lines": Text("行ごとの結果", "Line by line"),
        "check_line": Text("{n}行目", "Line {n}"),
        "check_skipped": Text("（{n}行を省略）", "({n} lines are left out)"),
        "check_more": Text(
            "ほかに {n}件あります。まず、示したものを直してください。", "There are {n} more: correct these first."
        ),
        "check_signatures": Text("電子署名", "Signatures"),
        "check_signature_valid": Text("確認できました", "Valid"),
        "check_signature_invalid": Text("不正です", "Invalid"),
        "check_signature_unverifiable": Text("確認できません", "Cannot be verified"),
        "check_sample": Text("見本です。配信されていません。", "A sample. Nothing was published."),
        "check_look": Text("見え方と届く地域", "How it looks, and whom it reaches"),
        "check_words": Text("テロップと読み上げ", "Ticker and speech"),
        "check_ticker": Text("テロップ {n}字", "Ticker, {n} characters"),
        "check_spoken": Text("読み上げ", "Speech"),
        "check_no_area": Text(
            "対象地域がないか、特定できません。地域の分からない情報は、誰にも配信しません。",
            "It names no area, or none that can be resolved. What has no area goes to nobody.",
        ),
        "check_unseen": Text("ほかの {n}通の見え方は省略しました。", "The looks of {n} more messages are left out."),
    }
)


def phrases(lang: str) -> Mapping[str, str]:
    """Return the pages' own words in `lang`, "ja" or "en"."""
    return _TABLES[lang]


_TABLES: Final = {
    "ja": MappingProxyType({name: text.ja for name, text in PHRASES.items()}),
    "en": MappingProxyType({name: text.en for name, text in PHRASES.items()}),
}
