// The parts of one asset's page, each out of its data alone.

function aboutSection(asset) {
  const rows = [
    ["Prompt", asset.prompt], ["Headline", asset.headline], ["Caption", asset.caption], ["Alt text", asset.alt],
    ["Preset", asset.preset], ["Seed", asset.seed], ["Size", asset.width ? `${asset.width} × ${asset.height}` : null],
    ["Ratio", asset.ratio], ["Theme", asset.theme],
  ].filter(([, value]) => value !== null && value !== undefined);
  return make("dl", { class: "about" }, ...rows.map(([name, value]) =>
    make("div", {}, make("dt", { text: name }), said(String(value), "dd"))));
}

function warnings(asset) {
  const lines = asset.files.filter((file) => file.state !== "same").map((file) =>
    file.state === "missing" ? `${file.name} is missing.` : `${file.name} is not what was published.`);
  if (asset.problem) lines.push(asset.problem);
  if (asset.approval === "changed") lines.push("Its files have changed since a decision was taken on them.");
  if (asset.verdict && asset.verdict.reason) lines.push(`${asset.verdict.by ?? "verdict"}: ${asset.verdict.reason}`);
  return lines.length ? make("ul", { class: "warnings" }, ...lines.map((line) => said(line, "li"))) : null;
}

function groundsSection(asset, ground) {
  const grounds = ground === "all" ? GROUNDS : [ground];
  const panels = grounds.map((name) => make("figure", { class: `ground ${name}` },
    make("div", { class: "panel" }, picture(asset, 512, asset.alt ?? asset.name)), make("figcaption", { text: name })));
  const sizes = grounds.length > 1 ? SIZES : [...SIZES, 512];
  const strips = grounds.map((name) => make("div", {
    class: `ground strip ${name}`, role: "group", "aria-label": `Sizes on ${name}`, tabindex: "0" },
    ...sizes.map((size) => make("figure", {}, picture(asset, size), make("figcaption", { text: `${size}` })))));
  return [section("On grounds", make("div", { class: "panels" }, ...panels)), section("Sizes, in px", ...strips)];
}

function frame(theme, asset, fits) {
  const lines = (count) => Array.from({ length: count }, () => make("span", { class: "line" }));
  return make("figure", { class: `frame ${theme}` },
    make("div", { class: "browser" },
      make("div", { class: "tabs", "aria-hidden": "true" }, ...Array.from({ length: 3 }, () => make("span", { class: "dot" })),
        make("span", { class: "address", text: "example.test" })),
      make("div", { class: "body" }, picture(asset, 320), ...lines(2), make("span", { class: "button" }))),
    make("figcaption", { text: fits ? `${theme} page` : `${theme} page; the asset was not made for it` }));
}

function framesSection(asset) {
  const pair = asset.pair === null ? null : data.assets[asset.pair];
  const made = asset.theme === "dark" ? { dark: asset, light: pair } : { light: asset, dark: pair };
  return section("In a browser", make("div", { class: "frames" },
    ...["light", "dark"].map((theme) => frame(theme, made[theme] ?? asset, made[theme] !== null || asset.theme === "contrast"))));
}

/** The picture over the one that was approved last: swept aside, in turn with it, or as the difference of both. */
function compareSection(asset) {
  if (asset.previous === null) return null;
  const over = make("div", { class: "over" }, picture(asset, 512, "now"));
  const stage = make("div", { class: "compare", id: "compare", "data-mode": "swipe" }, picture({ ...asset, src: asset.previous }, 512, "as approved"), over);
  const sweep = make("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": "Share of the approved picture",
    oninput: () => stage.style.setProperty("--share", `${sweep.value}%`) });
  const blink = make("button", { type: "button", id: "blink", "aria-keyshortcuts": "b", onclick: () => {
    over.hidden = !over.hidden;
    blink.firstChild.data = over.hidden ? "Shown: approved " : "Shown: now ";
  } }, "Shown: now ", make("kbd", { text: "b" }));
  const show = (mode) => {
    stage.dataset.mode = mode;
    over.hidden = false;
    sweep.hidden = mode !== "swipe";
    blink.hidden = mode !== "blink";
  };
  const choices = ["swipe", "blink", "difference"].map((mode) => make("label", {}, make("input", { type: "radio", name: "mode", value: mode,
    checked: mode === "swipe", onchange: () => show(mode) }), make("span", { text: mode })));
  show("swipe");
  return section("Against what was approved", make("fieldset", { class: "picker", id: "modes" }, make("legend", { text: "Compare by" }), ...choices),
    make("div", { class: "tools" }, sweep, blink), stage);
}

function limit(score) {
  return score.threshold === null ? "" : `${score.op === ">=" ? "≥" : "≤"} ${figure(score.threshold)}`;
}

/** Where the value stands between nothing and twice the limit; the numbers beside it say it better. */
function gauge(score) {
  if (score.value === null || score.threshold === null || score.threshold <= 0) return "";
  const bar = make("span", { class: `gauge ${score.passed === false ? "bad" : "good"}`, "aria-hidden": "true" }, make("span"));
  bar.firstChild.style.width = `${Math.max(0, Math.min(100, (50 * score.value) / score.threshold))}%`;
  return bar;
}

function scoreRows(stages) {
  return stages.flatMap((record) => record.scores.map((score) => make("tr", {},
    make("td", { text: record.stage }), make("th", { scope: "row", text: score.name }),
    make("td", { class: "number", text: figure(score.value) + (score.unit ? ` ${score.unit}` : "") }),
    make("td", { class: "number", text: limit(score) }), make("td", {}, gauge(score)),
    make("td", {}, score.passed === null || score.passed === undefined ? "" : chip(score.passed ? "good" : "bad", score.passed ? "held" : "failed")))));
}

function scoresSection(asset) {
  const rows = (limited) => scoreRows(asset.stages.map((record) => ({ ...record,
    scores: record.scores.filter((score) => (score.threshold !== null || score.passed !== null) === limited) })));
  const [limited, others] = [rows(true), rows(false)];
  if (!limited.length && !others.length) return null;
  return section("Scores against limits", limited.length ? scoresTable("Scores", limited) : null,
    others.length ? make("details", {}, make("summary", { text: `${others.length} measures without a limit` }),
      scoresTable("Measures without a limit", others)) : null);
}

function scoresTable(label, rows) {
  return table(label, ["Stage", "Measure", "Value", "Limit", "", "Result"], rows);
}

function candidatesSection(asset) {
  const group = asset.group === null ? null : data.groups[asset.group];
  if (group === null) return null;
  return section("Candidates", drawLine(group.draw),
    make("ul", { class: "candidates" }, ...group.candidates.map((one) => candidate(one, group.draw))));
}

function drawLine(draw) {
  if (draw === null) return null;
  const told = `${draw.drawn} drawn of at most ${draw.most}, ${draw.wanted} wanted, ${draw.passed} passed (${draw.stopped})` +
    (draw.ranked_by ? `, ranked by ${draw.ranked_by}.` : ".");
  const checked = draw.differences.length ? chip("bad", "another choice follows from the sidecars") :
    draw.missing ? chip("warn", `${draw.missing} sidecars were not found`) : chip("good", "the choice follows from the sidecars");
  return make("div", {}, make("p", {}, `${told} `, checked),
    draw.differences.length ? make("ul", {}, ...draw.differences.map((line) => said(line, "li"))) : null);
}

function candidate(one, draw) {
  const rejected = one.verdict.status !== "accepted";
  const end = one.published ? chip("good", "published") : rejected ? verdictChip(one.verdict) :
    chip("plain", draw === null ? "not published" : one.chosen ? "chosen" : "not chosen");
  const facts = [`seed ${one.seed}`, one.place ? `place ${one.place}` : null, one.rank === null ? null : `rank ${figure(one.rank)}`];
  const rows = scoreRows(one.stages);
  return make("li", { class: one.published ? "chosen" : "" },
    make("div", { class: "ground checker panel" }, picture(one, 160, `Candidate ${one.index + 1}`)),
    make("h4", { text: `Candidate ${one.index + 1}` }), make("p", { text: facts.filter(Boolean).join(" · ") }), end,
    one.verdict.reason ? said(one.verdict.reason, "p") : null,
    rows.length ? make("details", {}, make("summary", { text: "Scores" }), scoresTable(`Scores of candidate ${one.index + 1}`, rows)) : null);
}

function historySection(asset) {
  const kinds = { passed: "good", changed: "good", rejected: "bad", error: "bad", skipped: "plain" };
  const steps = asset.stages.map((record) => make("li", {},
    make("strong", { text: record.stage }), " ", chip(kinds[record.status], record.status),
    make("span", { class: "faint", text: [record.backend, record.model,
      record.seconds === null ? null : `${(record.seconds * 1000).toFixed(0)} ms`].filter(Boolean).map((part) => ` · ${part}`).join("") }),
    record.reason ? said(record.reason, "p") : null,
    record.params.length ? make("p", { class: "faint" }, ...record.params.map(([name, value, origin]) =>
      make("code", { dir: "auto", title: `from ${origin}`, text: `${name}=${value}` }))) : null));
  return steps.length ? section("History", make("ol", { class: "history" }, ...steps)) : null;
}

function filesSection(asset) {
  const rows = asset.files.map((file) => make("tr", {},
    make("th", { scope: "row" }, make("a", { href: file.href, rel: "noreferrer", dir: "auto", text: file.name })),
    make("td", { class: "number", text: file.width ? `${file.width} × ${file.height}` : "" }),
    make("td", { class: "number", text: bytes(file.bytes) }),
    make("td", {}, make("code", { title: file.sha256, text: file.sha256.slice(0, 12) })),
    make("td", {}, file.state === "same" ? chip("good", "as published") : chip("bad", file.state))));
  const credits = asset.credits.map(([name, licence]) => said(`${name}: ${licence}`, "li"));
  return section("Files", table("Files", ["File", "Size", "Bytes", "SHA-256", "State"], rows),
    credits.length ? make("details", {}, make("summary", { text: "Credits" }), make("ul", {}, ...credits)) : null);
}
