// The page is whole without this file: a drawing by the server beside the list. With it, the same facts move: zoom,
// a look at what holds at a place, and a slider back through 72 hours. The past never looks like the present.
/* global maplibregl */

const view = document.getElementById("view");
const { base, lang, query, edition } = view.dataset;
const paints = new Map(JSON.parse(view.dataset.paints).map((paint) => [paint.mark, paint]));
const said = JSON.parse(view.dataset.said);
const looks = [...paints.keys()]; // the gravest first
const [moving, then, here, past] = ["moving", "then", "here", "past"].map((id) => document.getElementById(id));
const [when, present] = ["when", "present"].map((id) => document.getElementById(id));

const INK = "#1B1B22";
const SEA = "#E9F0F5";
const LAND = "#C8C8CB";
const JAPAN = [[122.8, 24.0], [146.2, 45.7]];
const FAR = { east: 135, south: 30 }; // Ogasawara, a thousand kilometres off, would make a map of sea of anything but itself
const STEP_MS = 15 * 60_000;
const PATIENCE_MS = 20_000;
const RETRY_MS = 5_000;
const GONE = 410;
const MUNICIPALITIES_FROM = 6;
const CLOSE_ENOUGH = 9; // one town is shown with its neighbours
const NOTHING = { type: "FeatureCollection", features: [] };

let map = null;
let shown = new Map(); // what is drawn, by id
let asked = 0; // the newest question: answers to older ones are thrown away
let isSteered = false; // by hand: from then on the view is the reader's

// --- signs: hatches, badges and names are pictures made here, so that no font is fetched -----------------------------

function pen(width, height, ratio = 2) {
  const canvas = Object.assign(document.createElement("canvas"), { width: width * ratio, height: height * ratio });
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  drawing.scale(ratio, ratio);
  return [drawing, () => drawing.getImageData(0, 0, canvas.width, canvas.height)];
}

function hatch({ fill, hatch: lines, hatchInk, hatchOpacity }) {
  const [drawing, done] = pen(8, 8);
  drawing.fillStyle = fill;
  drawing.fillRect(0, 0, 8, 8);
  drawing.globalAlpha = hatchOpacity;
  drawing.strokeStyle = hatchInk;
  drawing.stroke(new Path2D(lines));
  return done();
}

function badge({ fill, ink, mark, isDiamond }) {
  const [drawing, done] = pen(34, 34);
  const shape = new Path2D();
  if (isDiamond) for (const [x, y] of [[17, 2], [32, 17], [17, 32], [2, 17]]) shape.lineTo(x, y);
  else shape.arc(17, 17, 12.5, 0, 2 * Math.PI);
  shape.closePath();
  for (const [colour, width] of [["#FFF", 4], [INK, 1.6]]) {
    drawing.lineWidth = width;
    drawing.strokeStyle = colour;
    drawing.stroke(shape);
  }
  drawing.fillStyle = fill;
  drawing.fill(shape);
  drawing.fillStyle = ink;
  drawing.font = "700 17px sans-serif";
  drawing.textAlign = "center";
  drawing.textBaseline = "middle";
  drawing.fillText(mark, 17, 18);
  return done();
}

function written(name) {
  const font = '600 13px "Hiragino Sans", "Noto Sans JP", "Noto Sans CJK JP", "Yu Gothic UI", Meiryo, sans-serif';
  const [measure] = pen(1, 1);
  measure.font = font;
  const [drawing, done] = pen(Math.ceil(measure.measureText(name).width) + 8, 20);
  Object.assign(drawing, { font, textBaseline: "middle", lineWidth: 4, lineJoin: "round", strokeStyle: "#FFF", fillStyle: INK });
  drawing.strokeText(name, 4, 10);
  drawing.fillText(name, 4, 10);
  return done();
}

// --- the map ---------------------------------------------------------------------------------------------------------

function land(name) {
  return { type: "geojson", data: new URL(`${base}/map/${name}.geojson?v=${encodeURIComponent(edition)}`, location).href };
}

function line(id, source, colour, width, more = {}) {
  return { id, source, type: "line", layout: { "line-join": "round" }, paint: { "line-color": colour, "line-width": width }, ...more };
}

function names(id, source, zooms) {
  const image = ["concat", "name:", ["get", lang === "ja" ? "name" : "en"]];
  return { id, source, type: "symbol", layout: { "icon-image": image, "icon-offset": [0, 26], "icon-padding": 4 }, ...zooms };
}

function lit(look) {
  const filter = ["==", ["get", "look"], look];
  return [
    { id: `lit-${look}`, source: "alerts", type: "fill", filter, paint: { "fill-pattern": `hatch:${look}` } },
    line(`rim-${look}`, "alerts", INK, ["interpolate", ["linear"], ["zoom"], 4, 0.5, 8, 2], { filter }),
  ];
}

function layers() {
  return [
    { id: "sea", type: "background", paint: { "background-color": SEA } },
    { id: "land", source: "prefectures", type: "fill", paint: { "fill-color": LAND } },
    line("towns", "municipalities", "#FFF", 0.7, { minzoom: MUNICIPALITIES_FROM }),
    line("borders", "prefectures", "#FFF", 1.4),
    ...looks.toReversed().flatMap(lit),
    line("over", "prefectures", "#FFF", 0.8),
    names("name-town", "towns", { minzoom: 8 }),
    names("name-prefecture", "capitals", { minzoom: 5, maxzoom: 8 }),
    {
      id: "badges", source: "badges", type: "symbol",
      layout: { "icon-image": ["concat", "badge:", ["get", "look"]], "icon-size": ["interpolate", ["linear"], ["zoom"], 3, 0.7, 6, 1], "symbol-sort-key": ["get", "rank"], "icon-padding": 1 },
    },
  ];
}

function spots({ features }) {
  const at = ({ properties }) => ({ type: "Feature", properties, geometry: { type: "Point", coordinates: [properties.lon, properties.lat] } });
  return { type: "FeatureCollection", features: features.map(at) };
}

function draw() {
  const sources = { prefectures: land("prefectures"), municipalities: { type: "geojson", data: NOTHING }, alerts: { type: "geojson", data: NOTHING } };
  // Badges have a source of their own: beside hatches, in one picture, they would get coloured edges.
  for (const name of ["towns", "capitals", "badges"]) sources[name] = { type: "geojson", data: NOTHING };
  const made = new maplibregl.Map({
    container: moving, style: { version: 8, sources, layers: [] }, bounds: JAPAN, fitBoundsOptions: { padding: 8 },
    attributionControl: false, dragRotate: false, pitchWithRotate: false, touchPitch: false, maxZoom: 14, minZoom: 2.5,
    fadeDuration: 0, locale: { "Map.Title": said.title },
  });
  made.touchZoomRotate.disableRotation();
  made.keyboard.disableRotation();
  for (const look of looks) {
    made.on("load", () => {
      made.addImage(`hatch:${look}`, hatch(paints.get(look)), { pixelRatio: 2 });
      made.addImage(`badge:${look}`, badge(paints.get(look)), { pixelRatio: 2 });
    });
  }
  made.on("styleimagemissing", ({ id }) => {
    if (id.startsWith("name:")) made.addImage(id, written(id.slice(5)), { pixelRatio: 2 });
  });
  made.on("load", () => layers().forEach((layer) => made.addLayer(layer)));
  return made;
}

async function fetched(address, cache = "default") {
  const answer = await fetch(address, { cache, signal: AbortSignal.timeout(PATIENCE_MS) });
  if (!answer.ok) throw new Error(answer.status === GONE ? said.beyond : said.failed);
  return answer.json();
}

async function name(source, outlines) {
  const found = await fetched(land(outlines).data);
  if (outlines === "municipalities") map.getSource("municipalities").setData(found);
  map.getSource(source).setData(spots(found));
}

function nameTowns() {
  if (map.getZoom() < MUNICIPALITIES_FROM) return;
  map.off("zoom", nameTowns);
  name("towns", "municipalities").catch(() => map.on("zoom", nameTowns));
}

// --- what holds, now or then -----------------------------------------------------------------------------------------

async function features(at) {
  const found = [];
  let address = at ? `${base}/ogc/collections/alerts/items?datetime=${encodeURIComponent(at.toISOString())}` : `${base}/api/v1/alerts/active.geojson`;
  while (address) {
    const page = await fetched(address, "no-cache"); // five seconds old is too old for what holds
    found.push(...page.features);
    const next = at && page.links.find(({ rel }) => rel === "next");
    address = next ? `${base}/ogc/collections/alerts/items${new URL(next.href).search}` : null; // of the host that we are on
  }
  return found;
}

function looked(feature) {
  const { level, priority } = feature.properties;
  const look = level ? String(level) : priority === "routine" ? "i" : "!";
  return { ...feature, properties: { key: feature.id, look, rank: looks.indexOf(look) } };
}

// A badge of level 3 on ground where level 5 holds would be read as level 3.
function gravest(drawn) {
  const worst = new Map();
  const places = ({ key }) => shown.get(key).properties.municipalities.map(({ code }) => code);
  for (const { properties } of drawn) {
    for (const code of places(properties)) worst.set(code, Math.min(properties.rank, worst.get(code) ?? looks.length));
  }
  return drawn.filter(({ properties }) => places(properties).some((code) => worst.get(code) === properties.rank));
}

// Where anything holds: nobody has to look for the one town where it does. All of Japan when nothing does.
function concerned() {
  const parts = [...shown.values()].flatMap(({ geometry }) => (geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates));
  const boxes = parts.map(([outer]) => bounds(outer));
  const near = boxes.filter(([[west], [, north]]) => west < FAR.east || north > FAR.south);
  return boxes.length ? bounds((near.length ? near : boxes).flat()) : JAPAN;
}

function bounds(points) {
  const [lons, lats] = [points.map(([lon]) => lon), points.map(([, lat]) => lat)];
  const [least, most] = [(degrees) => degrees.reduce((a, b) => Math.min(a, b)), (degrees) => degrees.reduce((a, b) => Math.max(a, b))];
  return [[least(lons), least(lats)], [most(lons), most(lats)]];
}

// What begins to hold elsewhere must not stay beyond the edge of a view that nobody chose.
function frame(animate) {
  if (!isSteered && !Number(when.value)) map.fitBounds(concerned(), { padding: 40, maxZoom: CLOSE_ENOUGH, animate });
}

function steer(move) {
  isSteered = true;
  move();
}

function put(found) {
  shown = new Map(found.map((feature) => [feature.id, feature]));
  const drawn = found.map(looked);
  map.getSource("alerts").setData({ type: "FeatureCollection", features: drawn });
  map.getSource("badges").setData({ type: "FeatureCollection", features: gravest(drawn) });
  view.dataset.shown = found.length;
  if (!moving.classList.contains("waiting")) frame(true);
  here.hidden = true;
  list(past.querySelector("ul"), found);
}

async function show() {
  const number = ++asked;
  const at = Number(when.value) ? new Date((Math.floor(Date.now() / STEP_MS) + Number(when.value)) * STEP_MS) : null;
  tell(at, said.loading);
  try {
    const found = await features(at);
    if (number !== asked) return;
    put(found);
    tell(at, at ? said.then : "");
  } catch ({ message }) {
    if (number !== asked) return;
    const isBeyond = message === said.beyond;
    if (isBeyond) put([]);
    tell(at, isBeyond ? message : said.failed);
    if (!isBeyond) setTimeout(() => number === asked && show(), RETRY_MS);
  }
}

function moment(at) {
  return at.toLocaleString(lang, { month: "long", day: "numeric", hour: "2-digit", minute: "2-digit", timeZone: "Asia/Tokyo" });
}

function tell(at, text) {
  const told = at ? `${moment(at)} ${text}` : text === said.loading ? "" : text;
  const main = document.querySelector("main");
  if (at) main.dataset.then = ""; else delete main.dataset.then;
  when.setAttribute("aria-valuetext", at ? moment(at) : said.present);
  present.disabled = !at;
  past.hidden = !at;
  then.hidden = !told;
  if (then.textContent !== told) then.textContent = told;
}

function row(feature) {
  const { look } = looked(feature).properties;
  const { style, label } = paints.get(look);
  const { headline, links, municipalities } = feature.properties;
  const sign = Object.assign(document.createElement("span"), { className: `lv ${style}`, textContent: look, title: label });
  const link = Object.assign(document.createElement("a"), { href: links.html + query, textContent: headline });
  const places = municipalities.slice(0, 5).map((place) => place[lang === "ja" ? "name" : "en"]).join(said.comma) + (municipalities.length > 5 ? " …" : "");
  const made = document.createElement("li");
  made.append(sign, link, Object.assign(document.createElement("span"), { className: "soft", textContent: places }));
  return made;
}

function list(into, found) {
  const ranked = found.toSorted((a, b) => looked(a).properties.rank - looked(b).properties.rank);
  into.replaceChildren(...ranked.map(row));
  if (!found.length) into.append(Object.assign(document.createElement("li"), { textContent: said.nothing }));
}

function pick(event) {
  const hit = map.queryRenderedFeatures(event.point, { layers: looks.map((look) => `lit-${look}`) });
  const found = [...new Set(hit.map(({ properties }) => properties.key))].map((key) => shown.get(key)).filter(Boolean);
  const rows = document.createElement("ul");
  rows.className = "rows";
  list(rows, found);
  here.replaceChildren(rows);
  here.hidden = false;
}

// --- life ------------------------------------------------------------------------------------------------------------

// Bare land would say that nothing is in force: the server's drawing stays until everything is drawn.
function reveal() {
  if (!("shown" in view.dataset)) return;
  if (moving.classList.contains("waiting")) {
    view.querySelector(".sheet > img").hidden = true;
    moving.classList.remove("waiting");
    map.resize();
    frame(false);
  }
  view.dataset.drawn = view.dataset.shown;
}

function begin() {
  document.getElementById("steer").hidden = false;
  name("capitals", "prefectures").catch(() => {});
  map.on("zoom", nameTowns);
  map.on("click", pick);
  map.on("idle", reveal);
  map.on("movestart", ({ originalEvent }) => { isSteered ||= Boolean(originalEvent); });
  document.getElementById("closer").addEventListener("click", () => steer(() => map.zoomIn()));
  document.getElementById("farther").addEventListener("click", () => steer(() => map.zoomOut()));
  document.getElementById("whole").addEventListener("click", () => steer(() => map.fitBounds(JAPAN, { padding: 8 })));
  when.addEventListener("input", show);
  present.addEventListener("click", () => {
    when.value = "0";
    when.focus();
    show();
  });
  document.addEventListener("lalert:news", () => Number(when.value) || show());
  view.dataset.state = "on";
  show();
}

try {
  moving.hidden = false;
  map = draw();
  map.on("load", begin);
} catch {
  moving.hidden = true; // no WebGL: the drawing stays
}
