"""The files beside the pages: named by their bytes, asking for nothing elsewhere, and the feed's stylesheet at work."""

from __future__ import annotations

import hashlib
import re

from lxml import etree

from lalert.web.assets import assets

FEED = """<feed xmlns="http://www.w3.org/2005/Atom" xmlns:cap="urn:oasis:names:tc:emergency:cap:1.2">
<title>全国</title><updated>2026-07-06T02:40:00+09:00</updated>{entries}</feed>"""
ENTRY = """<entry><title>避難指示 &lt;script&gt;</title><updated>2026-07-06T02:30:00+09:00</updated>
<author><name>千代田区</name></author><summary>川が危険</summary><cap:areaDesc>神田川流域</cap:areaDesc>
<link rel="alternate" type="text/html" href="{href}"/></entry>"""


def shown(entries: str) -> etree._Element:
    """Return the feed as a browser shows it."""
    transform = etree.XSLT(etree.fromstring(assets()["feed.xsl"].body))
    return transform(etree.fromstring(FEED.format(entries=entries))).getroot()


def test_an_address_names_its_bytes() -> None:
    """The version in the address is the digest of the file, so that caches may keep it for ever."""
    for name, asset in assets().items():
        assert asset.url == f"/static/{name}?v={hashlib.sha256(asset.body).hexdigest()[:8]}"
        assert asset.etag.strip('"').startswith(asset.version[:8])
    assert {"site.css", "live.js", "feed.xsl", "icon.svg", "icon-drill.svg"} <= set(assets())


def test_nothing_is_fetched_from_elsewhere() -> None:
    """No file names another site: the pages work where there is no internet."""
    for asset in assets().values():
        sites = re.findall(rb"https?://([\w.-]+)", asset.body)
        assert set(sites) <= {b"www.w3.org"}, asset.name  # names of formats, not addresses
        assert not re.search(rb"@import|url\(|innerHTML|\beval\b", asset.body), asset.name


def test_a_feed_in_a_browser_lists_its_entries() -> None:
    """Title, place, text and time of each entry are shown, and the title leads to the page."""
    page = shown(ENTRY.format(href="https://hub.example.jp/alerts/1"))
    (card,) = page.findall(".//article")
    assert card.find(".//a").get("href") == "https://hub.example.jp/alerts/1"
    said = "".join(card.itertext())
    assert all(
        part in said for part in ("避難指示 <script>", "神田川流域", "川が危険", "千代田区", "2026-07-06\xa002:30")
    )
    assert page.find(".//script") is None


def test_a_feed_links_pages_only() -> None:
    """An entry whose alternate is no web address is shown without a link."""
    page = shown(ENTRY.format(href="javascript:alert(1)"))
    assert page.find(".//article//a") is None
    assert "避難指示" in page.findtext(".//article//h3")


def test_an_empty_feed_says_so() -> None:
    """A feed without entries is no blank page."""
    assert "情報はありません" in "".join(shown("").itertext())
