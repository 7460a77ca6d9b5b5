"use strict";
// Whatever is shown is set as text or as an attribute: nothing of the data is ever read as markup.

const data = JSON.parse(document.getElementById("data").textContent);
const SIZES = [16, 24, 32, 48, 64, 96, 128, 256];
const GROUNDS = ["checker", "white", "black"];

/** An element. `text` is its text, a name that begins with "on" a listener, the others are attributes. */
function make(tag, settings, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(settings ?? {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name === "text") element.textContent = value;
    else if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

/** What was asked for or said, in its own direction, which does not turn the text around it. */
function said(text, tag = "span", settings = {}) {
  return make(tag, { dir: "auto", ...settings, text });
}

/** A picture, at most `longest` CSS pixels on its longer side; a few words where there is none. */
function picture(of, longest, alt = "") {
  if (of.src === null || of.src === undefined) return make("span", { class: "missing", text: "no picture" });
  const width = of.width || longest;
  const height = of.height || longest;
  const scale = longest / Math.max(width, height);
  return make("img", {
    src: data.pictures[of.src],
    alt,
    width: Math.max(1, Math.round(width * scale)),
    height: Math.max(1, Math.round(height * scale)),
    loading: "lazy",
    decoding: "async",
  });
}

/** A word in a coloured frame; the sign before it says the same without the colour. */
function chip(kind, text) {
  const signs = { good: "✓", bad: "✗", warn: "!", plain: "·" };
  return make("span", { class: `chip ${kind}` }, make("span", { "aria-hidden": "true", text: signs[kind] }), ` ${text}`);
}

const DECIDED = {
  approved: ["good", "approved"],
  rejected: ["bad", "rejected"],
  changed: ["warn", "changed since approval"],
  undecided: ["plain", "undecided"],
};

function verdictChip(verdict) {
  if (!verdict) return chip("warn", "no sidecar");
  if (verdict.status === "accepted") return chip("good", "passed");
  return chip("bad", verdict.by ? `${verdict.status} by ${verdict.by}` : verdict.status);
}

function bytes(count) {
  if (count === null) return "";
  return count < 1024 ? `${count} B` : count < 1 << 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;
}

function figure(value) {
  return value === null ? "–" : String(Number(value.toPrecision(4)));
}

function section(title, ...children) {
  return make("section", {}, make("h3", { text: title }), ...children);
}

/** A table in a frame of its own, which scrolls where it is wide. */
function table(label, head, rows) {
  const cells = head.map((text) => make("th", { scope: "col", text }));
  return make(
    "div",
    { class: "scroll", role: "region", "aria-label": label, tabindex: "0" },
    make("table", {}, make("thead", {}, make("tr", {}, ...cells)), make("tbody", {}, ...rows)),
  );
}
