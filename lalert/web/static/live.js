// The page is complete without this file. With it, <main> follows the hub's stream: whatever is announced, the
// server's own rendering is fetched again and put in place, so that the live page never says anything else.

const main = document.querySelector("main");
const lamp = document.getElementById("live");
const voice = document.getElementById("say");

const SILENCE_MS = 100_000; // a heartbeat comes every 60 s; longer silence is a dead line, whatever the socket says
const SPREAD_MS = 700; // thousands of screens do not ask for the page in the same instant
const LEAST_GAP_MS = 3_000; // forty alerts in a row are one new page on a bad line, not forty
const BEAT_SPREAD_MS = 10_000; // a heartbeat is no hurry
const RETRY_MS = 3_000;
const RETRY_MAX_MS = 60_000;

let source = null;
let heard = 0;
let missed = !main?.dataset.stream?.includes("since="); // true while the page may be older than the stream
let failures = 0;
let asked = -LEAST_GAP_MS;
let waiting = null;
let refreshing = false;

function show(state) {
  const told = { on: lamp.dataset.on, off: lamp.dataset.off, wait: lamp.dataset.wait }[state];
  if (lamp.dataset.state === state) return;
  lamp.dataset.state = state;
  lamp.textContent = told;
  lamp.hidden = false;
}

function keys() {
  return new Set(Array.from(main.querySelectorAll("[data-key]"), (card) => card.dataset.key));
}

function announce(before) {
  const fresh = Array.from(main.querySelectorAll("[data-key]")).filter((card) => !before.has(card.dataset.key));
  for (const card of fresh) card.classList.add("fresh");
  const told = fresh.slice(0, 3).map((card) => card.querySelector("h3, a")?.textContent.trim());
  const sum = main.querySelector("[data-sum]")?.textContent.trim();
  if (fresh.length) voice.textContent = [sum, ...told].filter(Boolean).join(" / ");
}

// The same picture a minute later is not news: only its clock goes on, and nobody loses their place in the text.
function put(next) {
  const same = next.dataset.stateOfPage === main.dataset.stateOfPage;
  Object.assign(main.dataset, next.dataset);
  if (same) {
    main.querySelector("[data-at]")?.replaceWith(next.querySelector("[data-at]"));
    return;
  }
  const before = keys();
  for (const kept of main.querySelectorAll("[data-keep]")) next.querySelector(`#${kept.id}`)?.replaceWith(kept);
  const focused = document.activeElement?.closest("main a")?.getAttribute("href");
  main.replaceChildren(...next.childNodes);
  if (focused) main.querySelector(`a[href="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  announce(before);
  document.dispatchEvent(new Event("lalert:news"));
}

async function refresh() {
  waiting = null;
  if (refreshing) return soon();
  refreshing = true;
  asked = performance.now();
  try {
    const answer = await fetch(location.href, { cache: "no-cache", signal: AbortSignal.timeout(15_000) });
    if (!answer.ok) throw new Error(String(answer.status));
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    document.title = page.title;
    put(document.adoptNode(page.querySelector("main")));
    missed = false;
    if (source?.readyState === EventSource.OPEN) show("on");
  } catch {
    missed = true;
    show("off");
    soon(RETRY_MS * 2);
  } finally {
    refreshing = false;
  }
}

function soon(least = 0) {
  const rest = asked + LEAST_GAP_MS - performance.now();
  waiting ??= setTimeout(refresh, Math.max(least, rest) + Math.random() * SPREAD_MS);
}

function beat() {
  heard = Date.now();
  soon(Math.random() * BEAT_SPREAD_MS);
}

function changed() {
  heard = Date.now();
  missed = true;
  soon();
}

function opened() {
  heard = Date.now();
  failures = 0;
  if (missed) soon();
  else show("on");
}

function lost() {
  missed = true;
  show("off");
  if (source.readyState !== EventSource.CLOSED) return;
  const wait = Math.min(RETRY_MS * 2 ** failures, RETRY_MAX_MS);
  failures += 1;
  setTimeout(follow, wait * (0.5 + Math.random() / 2));
}

function follow() {
  source?.close();
  heard = Date.now();
  source = new EventSource(main.dataset.stream);
  source.addEventListener("open", opened);
  source.addEventListener("error", lost);
  source.addEventListener("heartbeat", beat);
  for (const kind of ["alert", "update", "cancel", "expire", "gap"]) source.addEventListener(kind, changed);
}

function watch() {
  if (Date.now() - heard < SILENCE_MS) return;
  missed = true;
  show("off");
  follow();
}

if (main?.dataset.stream && lamp && "EventSource" in window) {
  show("wait");
  follow();
  setInterval(watch, 10_000);
  document.addEventListener("visibilitychange", () => document.hidden || watch());
  addEventListener("pagehide", () => source.close());
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    missed = true;
    follow();
  });
}
