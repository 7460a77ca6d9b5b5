// One prompt across models: a section for each prompt, a cell for each model and seed, and what each model came to.

const byId = (id) => document.getElementById(id);

function fact(...parts) {
  return make("p", { class: "faint", text: parts.filter((part) => part !== null && part !== "").join(" · ") });
}

function seconds(value) {
  return value === null ? null : value < 10 ? `${value.toFixed(1)} s` : `${Math.round(value)} s`;
}

/** The licence, with a word of warning where it does not allow commercial use. */
function licence(one) {
  if (one.licence === null) return make("p", { class: "faint", text: "licence not known" });
  const line = make("p", { class: "faint" }, one.licence);
  if (one.commercial !== "allowed") line.append(" ", chip(one.commercial === "forbidden" ? "bad" : "warn", `commercial use ${one.commercial}`));
  return line;
}

function absent(cell) {
  return make("div", { class: "absent" },
    said(cell.withheld ? "Its picture is not shown: nobody has found it safe." : cell.reason ?? cell.meaning, "p"),
    cell.hint ? said(cell.hint, "code") : null);
}

function ending(cell) {
  return cell.status === "failed" ? chip("warn", `not made (${cell.code})`) : verdictChip(cell.verdict);
}

/** A few digits: all of them stand among all scores. */
function rough(value) {
  return value === null ? "–" : String(Number(value.toPrecision(3)));
}

function nearest(gates) {
  if (!gates.length) return null;
  return make("dl", { class: "nearest" }, ...gates.map(([stage, score]) => make("div", {},
    make("dt", { title: score.name, text: stage }), make("dd", { class: "number", text: rough(score.value) }),
    make("dd", { class: "number", text: `${score.op === ">=" ? "≥" : "≤"} ${rough(score.threshold)}` }))));
}

function cellOf(cell) {
  const name = data.seeds > 1 ? `${cell.model} · seed ${cell.seed}` : cell.model;
  const rows = scoreRows(cell.stages);
  const files = cell.files.map((file) => make("li", {}, make("a", { href: file.href, rel: "noreferrer", dir: "auto", text: file.name })));
  const shown = cell.src === null ? absent(cell) :
    make("div", { class: "ground checker" }, make("div", { class: "panel" }, picture(cell, 512, `${name}: ${data.prompts[cell.row]}`)));
  shown.classList.add("shown");
  return make("li", { class: "cell" }, shown, make("h3", { dir: "auto", text: name }), ending(cell),
    cell.src !== null && cell.reason ? said(cell.reason, "p", { class: "why" }) : null,
    licence(cell), cell.seconds < 0.05 ? null : fact(seconds(cell.seconds), cell.painting === null ? null : `${seconds(cell.painting)} to draw`),
    nearest(cell.gates),
    rows.length ? make("details", {}, make("summary", { text: "All scores" }), scoresTable(`Scores of ${name}`, rows)) : null,
    files.length ? make("details", {}, make("summary", { text: "Files" }), make("ul", {}, ...files)) : null);
}

function rowOf(prompt, row) {
  const cells = make("ul", { class: "cells" }, ...data.cells.filter((cell) => cell.row === row).map(cellOf));
  cells.style.setProperty("--columns", data.columns.length);
  return make("section", {}, said(prompt, "h2"), make("div", { class: "scroll", role: "region", "aria-label": `Cells of: ${prompt}`, tabindex: "0" }, cells));
}

function models() {
  const rows = data.models.map((model) => make("tr", {}, make("th", { scope: "row", dir: "auto", text: model.name }),
    make("td", { class: "number", text: `${model.made} of ${model.cells}` }), make("td", { class: "number", text: seconds(model.painting) ?? "–" }),
    make("td", { class: "number", text: seconds(model.seconds) }), make("td", { text: model.device ?? "–" }), make("td", { class: "licence" }, licence(model)),
    make("td", {}, make("code", { text: model.revision ?? "–" }))));
  return section("Models", table("Models", ["Model", "Passed", "To draw", "Whole run", "Device", "Licence", "Revision"], rows));
}

/** What lies behind every picture. */
function grounds() {
  return GROUNDS.map((name) => make("label", {}, make("input", { type: "radio", name: "ground", value: name, checked: name === GROUNDS[0],
    onchange: () => document.querySelectorAll(".shown.ground").forEach((one) => { one.className = `ground shown ${name}`; }) }),
    make("span", { text: name })));
}

function begin() {
  const made = data.cells.filter((cell) => cell.status === "made").length;
  const failed = data.cells.filter((cell) => cell.status === "failed").length;
  byId("counts").textContent = [`${made} of ${data.cells.length} passed every gate`,
    failed ? `${failed} not made` : null, "a score is the one that came nearest to its gate's limit"].filter(Boolean).join(" · ");
  byId("surface").append(...grounds());
  byId("rows").append(...data.prompts.map(rowOf), models());
}

begin();
