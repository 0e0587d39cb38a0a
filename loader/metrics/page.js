// SPDX-License-Identifier: GPL-2.0-or-later
// Names come out of the traffic: they are put in as text, never as HTML.
"use strict";
const $ = id => document.getElementById(id);
const SPAN = 900, LEFT = 74, RIGHT = 8, TOP = 8, BOTTOM = 22, HEIGHT = 280, SVG = "http://www.w3.org/2000/svg";
const slots = new Map();                       // a name keeps its colour while it is shown
let shown = null;

function scaled(value, units) {
  let i = 0;
  while (value >= 1000 && i < units.length - 1) { value /= 1000; i++; }
  return (value >= 100 || value === 0 || i === 0 ? value.toFixed(0) : value.toPrecision(3)) + " " + units[i];
}
const rate = bits => scaled(bits, ["bit/s", "kbit/s", "Mbit/s", "Gbit/s", "Tbit/s"]);
const size = bytes => scaled(bytes, ["B", "kB", "MB", "GB", "TB"]);

function colour(name) { return name === "other" ? "var(--rest)" : `var(--c${slots.get(name)})`; }
function assign(series) {
  for (const name of slots.keys()) if (!series.some(one => one.name === name)) slots.delete(name);
  for (const {name} of series) {
    if (name === "other" || slots.has(name)) continue;
    const taken = new Set(slots.values());
    for (let i = 0; i < 8; i++) if (!taken.has(i)) { slots.set(name, i); break; }
  }
}

function el(name, attributes, text) {
  const out = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) out.setAttribute(key, value);
  if (text !== undefined) out.textContent = text;
  return out;
}
function html(name, text, className) {
  const out = document.createElement(name);
  if (text !== undefined) out.textContent = text;
  if (className) out.className = className;
  return out;
}
function named(name, tag) {
  const out = html(tag), key = html("span", "", "key");
  key.style.background = colour(name);
  out.append(key, name);
  return out;
}
function row(...cells) {
  const out = html("tr");
  out.append(...cells.map(cell => cell instanceof Node ? cell : html("td", cell)));
  return out;
}
function fill(id, rows, none) {
  $(id).replaceChildren(...rows.length ? rows : [row(html("td", none, "soft"))]);
}

function draw() {
  const svg = $("svg"), {ages_s: ages, lengths_s: lengths, series} = shown, width = svg.clientWidth || 800;
  const x = age => LEFT + (width - LEFT - RIGHT) * (1 - age / SPAN);
  const bits = series.map(one => one.bytes.map((bytes, i) => bytes * 8 / lengths[i]));
  const sums = ages.map((_, i) => bits.reduce((sum, one) => sum + one[i], 0));
  const peak = Math.max(1000, ...sums), power = 10 ** Math.floor(Math.log10(peak));
  const most = [1, 2, 5, 10].map(n => n * power).find(n => n >= peak);
  const y = value => TOP + (HEIGHT - TOP - BOTTOM) * (1 - value / most);
  svg.replaceChildren();
  svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
  for (let i = 0; i <= 4; i++) {
    const at = y(most * i / 4);
    svg.append(el("line", {class: i ? "grid" : "axis", x1: LEFT, x2: width - RIGHT, y1: at, y2: at}),
               el("text", {x: LEFT - 8, y: at + 4, "text-anchor": "end"}, rate(most * i / 4)));
  }
  for (let minute = 0; minute <= 15; minute += 3)
    svg.append(el("text", {x: x(minute * 60), y: HEIGHT - 6, "text-anchor": minute ? "middle" : "end"},
                  minute ? `-${minute} min` : "now"));
  const base = ages.map(() => 0);
  bits.forEach((one, s) => {                   // each sample is a step as wide as the time it took
    const up = [], down = [];
    one.forEach((value, i) => {
      const from = x(Math.min(SPAN, ages[i] + lengths[i])), to = x(Math.min(SPAN, ages[i]));
      up.push(`${from},${y(base[i] + value)} ${to},${y(base[i] + value)}`);
      down.unshift(`${to},${y(base[i])} ${from},${y(base[i])}`);
      base[i] += value;
    });
    if (up.length) svg.append(el("polygon", {class: "area", points: up.concat(down).join(" "),
                                             style: `fill:${colour(series[s].name)}`}));
  });
  shown.draw = {x, width, bits};
}

function point(event) {
  if (!shown || !shown.ages_s.length) return;
  const {x, width, bits} = shown.draw, box = $("svg").getBoundingClientRect(), at = event.clientX - box.left;
  let best = -1;
  shown.ages_s.forEach((age, i) => { if (at <= x(age) && at >= x(age + shown.lengths_s[i])) best = i; });
  const tip = $("tip");
  tip.hidden = best < 0;
  if (best < 0) return;
  const rows = shown.series.map((one, i) => [one.name, bits[i][best]]).filter(([, value]) => value > 0)
    .sort((a, b) => b[1] - a[1]);
  tip.replaceChildren(html("div", `${Math.round(shown.ages_s[best])} s ago`, "soft"));
  for (const [name, value] of rows) { const line = named(name, "div"); line.append(` ${rate(value)}`); tip.append(line); }
  tip.style.left = at > width / 2 ? "" : `${at + 14}px`;
  tip.style.right = at > width / 2 ? `${width - at + 14}px` : "";
}

function tables() {
  const {series, lengths_s: lengths} = shown, last = lengths.length - 1;
  const rows = series.map(one => ({name: one.name, sum: one.bytes.reduce((a, b) => a + b, 0),
                                   now: last < 0 ? 0 : one.bytes[last] * 8 / lengths[last]}));
  const all = rows.reduce((sum, one) => sum + one.sum, 0);
  $("legend").replaceChildren(...rows.map(one => named(one.name, "li")));
  fill("top", rows.map(one => row(named(one.name, "td"), rate(one.now), size(one.sum),
                                  `${(all ? one.sum * 100 / all : 0).toFixed(1)} %`)), "no traffic yet");
  for (const it of document.querySelectorAll(".by")) it.textContent = $("by").value;
}

function bar(now, least, most) {                // least: what it has in any case, as a mark on the bar
  const out = html("span", "", "bar"), used = html("i"), mark = html("b");
  used.style.width = `${Math.min(100, now * 100 / most)}%`;
  if (now > 0.95 * most) used.className = "full";
  mark.style.left = `${Math.min(99, least * 100 / most)}%`;
  out.append(used, ...least < most ? [mark] : []);
  out.title = `${rate(now * 8)} of ${rate(most * 8)}, ${rate(least * 8)} in any case`;
  return out;
}
function classes(rows) {
  const dev = $("dev").value, direction = $("direction").value;
  fill("classes", rows.filter(one => (!dev || one.dev === dev) && one.direction === direction).map(one => {
    const share = one.ceil ? Math.round(one.bytes_per_s * 100 / one.ceil) : 0, use = html("td"), text = html("td");
    const name = html("td", one.class || (one.classid === "none" ? "no class" : one.ceil ? "the link" : ""), "name");
    name.style.paddingLeft = `${one.depth * 14}px`;
    if (one.default) name.append(html("small", " default", "soft"));
    if (one.ceil) use.append(bar(one.bytes_per_s, one.rate, one.ceil));
    text.textContent = one.ceil ? (share > 95 ? "⚠ " : "") + `${share} %` : "no limit";
    if (share > 95) text.className = "bad";
    return row(name, one.dev, one.classid === "none" ? "" : one.classid, rate(one.bytes_per_s * 8), use, text,
               one.ceil ? rate(one.rate * 8) : "", one.ceil ? rate(one.ceil * 8) : "");
  }), "no rule names a class here, and no class is configured");
}

function hosts(found) {
  fill("hosts", found.hosts.map(one => {
    const who = html("td", one.address, "name");
    if (one.name) who.append(" ", html("small", one.name, "soft"));
    return row(who, rate(one.bytes_per_s * 8), size(one.bytes), String(one.flows));
  }), "no flows yet");
  $("hosts-note").textContent = `of ${found.flows} flows` + (found.complete ? "" : ", not of all: time was over") +
    (found.forgotten ? ", more hosts than are counted" : "") + (found.age_s ? `, ${Math.round(found.age_s)} s ago` : "");
}

function health(now) {
  const rows = [["bypass", now.bypass ? "on: nothing is looked at" : "off", !now.bypass],
                ["records lost", `${now.records_lost} of ${now.records + now.records_lost}`, !now.records_lost],
                ["rings", `${size(now.ring_used_bytes)} of ${size(now.ring_bytes)}`, now.ring_used_bytes < now.ring_bytes / 2],
                ["table failures", String(now.table_failures), !now.table_failures],
                ["verdict latency, p99", `below ${now.latency_p99_us} µs`, true],
                ["packets not parsed", String(now.parse_errors), true]];
  for (const table of now.tables)
    rows.push([`table ${table.table}`, `${table.entries} of ${table.most}`, table.entries < table.most * 0.9]);
  for (const device of now.devices) {
    const hooks = [device.ingress, device.egress], good = !hooks.includes("missing") && !device.trouble;
    rows.push([device.dev, device.trouble || `ingress ${device.ingress}, egress ${device.egress}`, good]);
  }
  if (!now.devices.length) rows.push(["devices", "none attached", false]);
  $("version").textContent = now.version;
  $("health").replaceChildren(...rows.map(([what, value, good]) =>
    row(what, html("td", (good ? "" : "⚠ ") + value, good ? "ok" : "bad"))));
}

async function get(path) {
  const answer = await fetch(path, {cache: "no-store"});
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return answer.json();
}
let asked = 0;                                 // an answer that another question overtook is not shown
async function refresh() {
  const mine = ++asked;
  try {
    const query = new URLSearchParams({dev: $("dev").value, direction: $("direction").value, by: $("by").value});
    const [history, state, classed] = await Promise.all([`/api/history?${query}`, "/api/health", "/api/classes"].map(get));
    if (mine !== asked) return;
    shown = history;
    for (const dev of history.devices) offer(dev);
    assign(history.series);
    draw(); tables(); health(state); classes(classed);
    const top = await get(`/api/hosts?by=${$("hosts-by").value}`); // last: it may take a second
    if (mine !== asked) return;
    hosts(top);
    $("state").textContent = "";
    $("state").removeAttribute("class");
  } catch (error) {
    if (mine !== asked) return;
    $("state").textContent = `not up to date: ${error.message}`;
    $("state").className = "bad";
  }
}

// What is chosen stands in the address, so that it can be kept and sent: #by=application&dev=eth0
const CHOICES = ["dev", "direction", "by", "hosts-by"];
function offer(dev) {
  if (![...$("dev").options].some(option => option.value === dev)) $("dev").append(new Option(dev, dev));
}
function from_address() {
  const wanted = new URLSearchParams(location.hash.slice(1));
  if (wanted.has("dev")) offer(wanted.get("dev"));
  for (const id of CHOICES)
    if ([...$(id).options].some(option => option.value === wanted.get(id))) $(id).value = wanted.get(id);
}
function chosen() {
  history.replaceState(null, "", "#" + new URLSearchParams(CHOICES.map(id => [id, $(id).value])));
  refresh();
}
$("svg").addEventListener("pointermove", point);
$("svg").addEventListener("pointerleave", () => { $("tip").hidden = true; });
for (const id of CHOICES) $(id).addEventListener("change", chosen);
addEventListener("hashchange", () => { from_address(); refresh(); });
addEventListener("resize", () => { if (shown) draw(); });
from_address();
refresh();
setInterval(() => { if (!document.hidden) refresh(); }, 5000);
