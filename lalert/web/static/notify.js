// Subscribes this browser. A position never leaves it: what is sent is the grid square (JIS X 0410) that holds it.

const form = document.getElementById("notify");
const places = document.getElementById("places");
const told = document.getElementById("told");
const [on, off, test, here] = ["on", "off", "test", "here"].map((id) => document.getElementById(id));
const said = JSON.parse(form.dataset.said);
const base = form.dataset.base;
const api = `${base}/api/v1/push/subscriptions`;
const shelf = `lalert.notify${base}`;
const MAX_AREAS = 20; // as many as the hub takes
const MAX_CELLS = 100;

let kept = load();

function load() {
  try {
    return JSON.parse(localStorage.getItem(shelf)) ?? {};
  } catch {
    return {};
  }
}

function keep(changes) {
  kept = { ...kept, ...changes };
  localStorage.setItem(shelf, JSON.stringify(kept));
}

function say(text, isBad = false) {
  told.textContent = text;
  told.hidden = !text;
  told.dataset.state = isBad ? "bad" : "good";
}

// --- where ---------------------------------------------------------------------------------------------------------

// Rows and columns of the finest grid, then digits: the same arithmetic as the hub's.
export function cellOf(lat, lon, digits) {
  const fine = 2 ** (digits - 8);
  const row = Math.floor(lat * 120 * fine + 1e-9);
  const column = Math.floor((lon - 100) * 80 * fine + 1e-9);
  const [r, c] = [Math.floor(row / fine), Math.floor(column / fine)];
  let code = `${Math.floor(r / 80)}${String(Math.floor(c / 80)).padStart(2, "0")}`;
  code += `${Math.floor((r % 80) / 10)}${Math.floor((c % 80) / 10)}${r % 10}${c % 10}`;
  for (let part = fine / 2; part >= 1; part /= 2) {
    code += (Math.floor(row / part) % 2) * 2 + (Math.floor(column / part) % 2) + 1;
  }
  return code;
}

function drawPlaces() {
  const chosen = kept.places ?? [];
  const rows = chosen.map((place) => {
    const row = document.createElement("li");
    const name = document.createElement("span");
    const remove = document.createElement("button");
    name.textContent = place.name;
    remove.type = "button";
    remove.textContent = places.dataset.remove;
    remove.setAttribute("aria-label", `${place.name}: ${places.dataset.remove}`);
    remove.addEventListener("click", () => choose(chosen.filter((other) => other !== place)));
    row.append(name, remove);
    return row;
  });
  if (!rows.length) {
    const none = document.createElement("li");
    none.textContent = places.dataset.none;
    rows.push(none);
  }
  places.replaceChildren(...rows);
  draw();
}

function choose(chosen) {
  const is = (kind) => (place) => place.kind === kind;
  if (chosen.filter(is("area")).length > MAX_AREAS || chosen.filter(is("cell")).length > MAX_CELLS) {
    say(said.tooMany, true);
    return;
  }
  keep({ places: chosen });
  drawPlaces();
}

function add(kind, code, name) {
  const others = (kept.places ?? []).filter((place) => place.code !== code);
  choose([...others, { kind, code, name }]);
}

function locate() {
  here.disabled = true;
  say(said.locating);
  navigator.geolocation.getCurrentPosition(
    ({ coords }) => {
      here.disabled = false;
      const code = cellOf(coords.latitude, coords.longitude, Number(document.getElementById("size").value));
      const inJapan = coords.latitude >= 20 && coords.latitude < 46 && coords.longitude >= 122 && coords.longitude < 154;
      say(inJapan ? "" : said.abroad, !inJapan);
      if (inJapan) add("cell", code, `${places.dataset.cell} ${code}`);
    },
    () => {
      here.disabled = false;
      say(said.noPosition, true);
    },
    { timeout: 15_000, maximumAge: 60_000 },
  );
}

// --- what ----------------------------------------------------------------------------------------------------------

function wish() {
  const chosen = kept.places ?? [];
  const codes = (kind) => chosen.filter((place) => place.kind === kind).map((place) => place.code);
  const answers = new FormData(form);
  return {
    areas: codes("area"),
    cells: codes("cell"),
    minLevel: answers.get("minLevel") ? Number(answers.get("minLevel")) : null,
    hazards: answers.getAll("hazard"),
    lang: form.dataset.lang,
    quiet: answers.get("hasQuiet") ? { from: answers.get("from"), to: answers.get("to") } : null,
  };
}

function restore() {
  const { minLevel, hazards, quiet } = kept.wish ?? {};
  if (!kept.wish) return;
  form.elements.minLevel.value = minLevel ?? "";
  for (const box of form.querySelectorAll("[name=hazard]")) box.checked = hazards.includes(box.value);
  form.elements.hasQuiet.checked = Boolean(quiet);
  if (quiet) [form.elements.from.value, form.elements.to.value] = [quiet.from, quiet.to];
}

function draw() {
  const isOn = Boolean(kept.id);
  on.textContent = isOn ? said.change : said.start;
  on.disabled = !(kept.places ?? []).length;
  test.hidden = off.hidden = !isOn;
}

// --- with the hub --------------------------------------------------------------------------------------------------

async function ask(method, path, body, secret) {
  const headers = { ...(body && { "Content-Type": "application/json" }), ...(secret && { Authorization: `Bearer ${secret}` }) };
  const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) });
  if (response.ok) return response.status === 204 ? null : response.json();
  const problem = await response.json().catch(() => ({}));
  const lang = form.dataset.lang;
  const detail = (problem.detail ?? "").split(" / ")[lang === "ja" ? 0 : 1];
  const errors = (problem.errors ?? []).map((error) => error.message[lang]);
  const failure = new Error([detail, ...errors].filter(Boolean).join(" ") || said.failed);
  failure.status = response.status;
  throw failure;
}

function bytesOf(text) {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, (sign) => sign.charCodeAt(0));
}

async function browser() {
  await navigator.serviceWorker.register(`${base}/sw.js`, { scope: `${base}/` });
  const registration = await navigator.serviceWorker.ready;
  const { publicKey } = await ask("GET", `${base}/api/v1/push/key`);
  const existing = await registration.pushManager.getSubscription();
  if (existing && isFor(existing, publicKey)) return existing;
  await existing?.unsubscribe();
  return registration.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytesOf(publicKey) });
}

// A subscription is bound to the hub's key. Had the hub to make a new one, nothing would ever arrive here again.
function isFor(subscription, publicKey) {
  const own = new Uint8Array(subscription.options.applicationServerKey);
  const theirs = bytesOf(publicKey);
  return own.length === theirs.length && own.every((sign, at) => sign === theirs[at]);
}

async function isSilent() {
  const registration = await navigator.serviceWorker.getRegistration(`${base}/`);
  const existing = await registration?.pushManager.getSubscription();
  return Boolean(existing) && !isFor(existing, (await ask("GET", `${base}/api/v1/push/key`)).publicKey);
}

async function renew() {
  if (!(await isSilent())) return;
  await unsubscribe();
  await subscribe();
}

async function subscribe() {
  const permission = await Notification.requestPermission();
  if (permission !== "granted") throw new Error(said.denied);
  const wanted = wish();
  const subscription = (await browser()).toJSON();
  const { id, secret } = await ask("POST", api, { subscription, ...wanted });
  keep({ id, secret, wish: wanted });
  say(said.subscribed);
}

async function tryOut() {
  await ask("POST", `${api}/${kept.id}/test`, null, kept.secret);
  say(said.tested);
}

async function unsubscribe() {
  try {
    await ask("DELETE", `${api}/${kept.id}`, null, kept.secret);
  } catch (error) {
    if (error.status !== 404) throw error; // it is gone already
  }
  const registration = await navigator.serviceWorker.getRegistration(`${base}/`);
  await (await registration?.pushManager.getSubscription())?.unsubscribe();
  keep({ id: null, secret: null });
  say(said.stopped);
}

async function doing(work) {
  const buttons = [on, off, test];
  for (const button of buttons) button.disabled = true;
  try {
    await work();
  } catch (error) {
    if (error.status === 410) keep({ id: null, secret: null });
    say(error.message || said.failed, true);
  }
  for (const button of buttons) button.disabled = false;
  draw();
}

function hindrance() {
  if (!window.isSecureContext) return said.insecure;
  if (!("serviceWorker" in navigator) || !("PushManager" in window) || !("Notification" in window)) return said.unsupported;
  return Notification.permission === "denied" ? said.denied : "";
}

const given = [...places.querySelectorAll("li[data-code]")].map((row) => ({
  kind: "area",
  code: row.dataset.code,
  name: row.textContent.trim(),
}));
const known = new Set((kept.places ?? []).map((place) => place.code));
keep({ places: [...(kept.places ?? []), ...given.filter((place) => !known.has(place.code))] });
restore();
drawPlaces();
if (hindrance()) say(hindrance(), true);
else if (kept.id && Notification.permission === "granted") doing(renew);
for (const row of document.querySelectorAll("#found li")) {
  row.querySelector("button").addEventListener("click", () => add("area", row.dataset.code, row.querySelector("span").textContent));
}
here.addEventListener("click", locate);
form.addEventListener("submit", (event) => {
  event.preventDefault();
  doing(subscribe);
});
test.addEventListener("click", () => doing(tryOut));
off.addEventListener("click", () => doing(unsubscribe));
