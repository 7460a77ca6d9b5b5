/** The examples do what they say, with the real CLI. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { access, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";

import type { Event } from "imajin-client";

import { wishOf } from "../examples/bridge.js";
import { build as errorPages } from "../examples/error-pages.js";
import { serve } from "../examples/server.js";
import { build as skeletons } from "../examples/skeletons.js";
import { folder, real } from "./processes.js";

test("error pages hold their pictures", async () => {
  const out = join(await folder(), "site");
  for (const page of await errorPages(out, await real(), "128x96")) {
    const html = await readFile(page, "utf8");
    const source = /<img[^>]* src="([^"]+)"/.exec(html)?.[1];
    assert.ok(source, html);
    await access(join(out, source));
  }
});

test("a package of skeletons can be imported", async () => {
  const out = join(await folder(), "skeletons");
  await skeletons(out, await real(), "96x64");
  const made = (await import(pathToFileURL(join(out, "index.js")).href)) as {
    skeletons: Record<string, { src: string; svg: string; alt: string }>;
  };
  const names = ["feed", "profile", "chart"].flatMap((name) => [`${name}-light`, `${name}-dark`]);
  assert.deepEqual(Object.keys(made.skeletons).sort(), names.sort());
  for (const { src, svg, alt } of Object.values(made.skeletons)) {
    await access(join(out, src));
    await access(join(out, svg));
    assert.ok(alt);
  }
  const types = await readFile(join(out, "index.d.ts"), "utf8");
  assert.match(types, /"feed-dark" \| "feed-light"/);
});

test("the server passes events on, refuses what is no wish, and stops for who hangs up", async () => {
  const how = await real();
  const server = serve(join(how.cwd, "out"), how);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/imajin`;
  try {
    const answer = await fetch(url, { method: "POST", body: JSON.stringify({ prompt: "a rocket" }) });
    const told = (await answer.text()).trimEnd().split("\n").map((line) => JSON.parse(line) as Event);
    assert.deepEqual([told[0]?.event, told.at(-1)?.event], ["started", "finished"]);
    for (const wrong of ["", "[]", '{"prompt": 1}', '{"prompt": "x", "count": 1000}', "x".repeat(70_000)]) {
      assert.equal((await fetch(url, { method: "POST", body: wrong })).status, 400, wrong.slice(0, 40));
    }
    const stop = new AbortController();
    const long = await fetch(url, { method: "POST", body: JSON.stringify({ prompt: "a cat", count: 8 }), signal: stop.signal });
    await long.body?.getReader().read();
    stop.abort();
  } finally {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
});

test("a wish takes over nothing else", () => {
  assert.deepEqual(wishOf({ prompt: "a", outDir: "/etc", set: {} }), { prompt: "a" });
});
