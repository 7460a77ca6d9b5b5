// The list, the keys and the decisions.

const byId = (id) => document.getElementById(id);
const rows = [];
const taken = new Map(); // place of an asset → {decision, note}, of this visit
let current = -1;
let ground = "all";
let unsaved = false;

const decisionOf = (place) => taken.get(place)?.decision ?? data.assets[place].approval;
const sound = (asset) => asset.files.every((file) => file.state === "same");

function tell(text) {
  byId("said").textContent = text;
}

function row(asset, place) {
  const button = make("button", { type: "button", onclick: () => select(place, true) },
    make("span", { class: "ground checker thumb" }, picture(asset, 48)),
    make("span", { class: "words" }, said(asset.name, "strong", { title: asset.name }),
      said([asset.prompt, asset.theme === "light" ? null : asset.theme].filter(Boolean).join(" · "), "span", { class: "faint" })),
    make("span", { class: "mark" }));
  const item = make("li", {}, button);
  rows[place] = { item, button, text: JSON.stringify([asset.name, asset.folder, asset.prompt, asset.headline, asset.caption,
    asset.alt, asset.preset, asset.verdict, asset.stages.map((record) => record.stage)]).toLowerCase() };
  return item;
}

function mark(place) {
  const asset = data.assets[place];
  const [kind, word] = sound(asset) ? DECIDED[decisionOf(place)] : ["bad", "files not as published"];
  rows[place].button.querySelector(".mark").replaceChildren(chip(kind, word));
}

const ORDERS = {
  name: (a) => [0, a.folder + "/" + a.name],
  decision: (a, place) => [["changed", "undecided", "rejected", "approved"].indexOf(decisionOf(place)), a.name],
  closest: (a) => [a.closest ?? Infinity, a.name],
  bytes: (a) => [-Math.max(0, ...a.files.map((file) => file.bytes ?? 0)), a.name],
  prompt: (a) => [0, a.prompt ?? "\uffff"],
};

function fits(asset, place) {
  const words = byId("words").value.toLowerCase().split(/\s+/).filter(Boolean);
  const state = byId("state").value;
  const accepted = asset.verdict?.status === "accepted";
  return words.every((word) => rows[place].text.includes(word)) &&
    ["", decisionOf(place)].includes(byId("decided").value) && ["", asset.theme].includes(byId("theme").value) &&
    (state === "" || (state === "accepted" ? accepted : state === "failed" ? !accepted : !sound(asset)));
}

/** The places of the assets that fit the filter, in the order that was asked for. */
function visible() {
  const key = ORDERS[byId("order").value];
  const found = data.assets.map((asset, place) => ({ place, key: key(asset, place) })).filter(({ place }) => fits(data.assets[place], place));
  const less = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  found.sort((a, b) => less(a.key[0], b.key[0]) || less(a.key[1], b.key[1]) || a.place - b.place);
  return found.map(({ place }) => place);
}

function arrange() {
  const shown = visible();
  byId("list").replaceChildren(...shown.map((place) => rows[place].item));
  byId("none").hidden = shown.length > 0;
  if (!shown.includes(current)) select(shown[0] ?? -1);
  count(shown.length);
}

function count(shown) {
  const found = { approved: 0, rejected: 0, changed: 0, undecided: 0 };
  data.assets.forEach((_, place) => { found[decisionOf(place)] += 1; });
  byId("counts").textContent = `${shown} of ${data.assets.length} shown · ${found.approved} approved · ${found.rejected} rejected · ` +
    `${found.undecided + found.changed} open`;
  byId("download").disabled = taken.size === 0;
  byId("download").textContent = taken.size ? `Download decisions.json (${taken.size})` : "Download decisions.json";
}

function select(place, focus = false) {
  if (current >= 0) rows[current].button.removeAttribute("aria-current");
  current = place;
  draw();
  if (place < 0) return;
  rows[place].button.setAttribute("aria-current", "true");
  if (focus) rows[place].button.focus();
  rows[place].button.scrollIntoView({ block: "nearest" });
}

function step(by) {
  const shown = visible();
  if (!shown.length) return;
  const at = shown.indexOf(current);
  select(shown[Math.max(0, Math.min(shown.length - 1, at + by))], true);
}

function decide(decision) {
  if (current < 0) return;
  const asset = data.assets[current];
  if (decision !== null && !sound(asset)) return tell("Its files are not as published: no decision can be taken.");
  if (decision === null) taken.delete(current);
  else taken.set(current, { decision, note: byId("note").value });
  unsaved = taken.size > 0;
  mark(current);
  count(visible().length);
  decisionBar();
  tell(`${asset.name}: ${decision ?? "decision taken back"}`);
}

function decisionBar() {
  const now = decisionOf(current);
  for (const name of ["approved", "rejected"]) byId(name).setAttribute("aria-pressed", String(now === name));
  byId("undo").disabled = !taken.has(current);
  byId("standing").replaceChildren(chip(...DECIDED[now]));
}

function bar(asset) {
  const off = !sound(asset);
  const note = make("input", { id: "note", type: "text", maxlength: "2000", "aria-keyshortcuts": "n", disabled: off,
    oninput: () => { if (taken.has(current)) taken.get(current).note = byId("note").value; } });
  note.value = taken.get(current)?.note ?? asset.note;
  const button = (id, key, text, decision) => make("button", { type: "button", id, class: id, "aria-keyshortcuts": key, disabled: off,
    onclick: () => decide(decision) }, `${text} `, make("kbd", { text: key }));
  return make("div", { class: "decision", role: "group", "aria-label": "Decision" },
    button("approved", "a", "Approve", "approved"), button("rejected", "r", "Reject", "rejected"), button("undo", "u", "Undo", null),
    make("label", { class: "wide" }, make("span", { text: "Note" }), note), make("span", { id: "standing" }));
}

function groundPicker() {
  const choices = ["all", ...GROUNDS].map((name) => make("label", {}, make("input", { type: "radio", name: "ground", value: name,
    checked: name === ground, onchange: () => setGround(name) }), make("span", { text: name })));
  return make("fieldset", { class: "picker" }, make("legend", { text: "Ground" }), ...choices);
}

function setGround(name) {
  ground = name;
  const asset = data.assets[current];
  byId("grounds").replaceChildren(...groundsSection(asset, ground));
  const choice = document.querySelector(`input[name=ground][value=${name}]`);
  if (choice) choice.checked = true;
}

function draw() {
  const detail = byId("detail");
  if (current < 0) return detail.replaceChildren(make("p", { class: "none", text: data.assets.length ? "Nothing is selected." : "Nothing was published here." }));
  const asset = data.assets[current];
  const parts = [
    make("div", { class: "top" }, make("h2", { dir: "auto", text: asset.name }), verdictChip(asset.verdict),
      make("span", { class: "faint", dir: "auto", text: asset.folder })),
    bar(asset), warnings(asset), aboutSection(asset), groundPicker(),
    make("div", { id: "grounds" }, ...groundsSection(asset, ground)),
    compareSection(asset), framesSection(asset), candidatesSection(asset), scoresSection(asset), historySection(asset), filesSection(asset),
  ];
  detail.replaceChildren(...parts.filter((part) => part !== null));
  detail.scrollTop = 0;
  decisionBar();
}

function nextMode() {
  const modes = [...document.querySelectorAll("input[name=mode]")];
  if (modes.length) modes[(modes.findIndex((mode) => mode.checked) + 1) % modes.length].click();
}

/** decisions.json, as a file that the browser saves: no byte of it goes anywhere else. */
function download() {
  if (taken.size === 0) return tell("Nothing has been decided yet.");
  const assets = [...taken].sort(([a], [b]) => a - b).map(([place, { decision, note }]) => ({ ...data.assets[place].subject, decision, note }));
  const text = JSON.stringify({ imajin: 1, kind: "decisions", assets }, null, 1) + "\n";
  const address = URL.createObjectURL(new Blob([text], { type: "application/json" }));
  make("a", { href: address, download: "decisions.json" }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10000);
  unsaved = false;
  tell(`decisions.json holds ${assets.length} decisions. Record them: imajin approve decisions.json`);
}

function next(select) {
  select.selectedIndex = (select.selectedIndex + 1) % select.options.length;
  arrange();
  tell(`Sorted by ${select.selectedOptions[0].text}`);
}

const KEYS = {
  j: () => step(1), k: () => step(-1), a: () => decide("approved"), r: () => decide("rejected"), u: () => decide(null),
  n: () => byId("note")?.focus(), "/": () => byId("words").focus(), s: () => next(byId("order")), d: download,
  g: () => { if (current >= 0) setGround(["all", ...GROUNDS][(["all", ...GROUNDS].indexOf(ground) + 1) % 4]); },
  c: nextMode, b: () => { if (byId("blink") && !byId("blink").hidden) byId("blink").click(); },
  "?": () => byId("help").showModal(),
};
const IN_LIST = { ArrowDown: () => step(1), ArrowUp: () => step(-1), Home: () => step(-Infinity), End: () => step(Infinity) };

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || byId("help").open) return;
  const writing = event.target.matches("input:not([type=radio]):not([type=checkbox]), select, textarea");
  const action = byId("list").contains(event.target) && Object.hasOwn(IN_LIST, event.key) ? IN_LIST[event.key] :
    !writing && byId("single").checked && Object.hasOwn(KEYS, event.key) ? KEYS[event.key] :
    writing && event.key === "Escape" && current >= 0 ? () => rows[current].button.focus() : null;
  if (action === null) return;
  event.preventDefault();
  action();
}

function begin() {
  data.assets.forEach((asset, place) => { row(asset, place); mark(place); });
  const themes = [...new Set(data.assets.map((asset) => asset.theme).filter(Boolean))].sort();
  byId("theme").append(...themes.map((theme) => make("option", { value: theme, text: theme })));
  for (const id of ["words", "decided", "state", "theme", "order"]) byId(id).addEventListener("input", arrange);
  byId("filters").addEventListener("submit", (event) => event.preventDefault());
  byId("download").addEventListener("click", download);
  byId("keys").addEventListener("click", KEYS["?"]);
  document.addEventListener("keydown", key);
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  arrange();
}

begin();
