/** Against the real CLI: what it makes, refuses, and how it is stopped. */
import assert from "node:assert/strict";
import { access, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { argumentsOf, ImajinError, make, readSidecar, stream, type Event } from "imajin-client";

import { alive, children, folder, real, until } from "./processes.js";

const MANY = argumentsOf({ prompt: "a rocket", count: 200, sizes: ["512"], outDir: "dist" });

function failed(kind: string, code: number | null = null): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ImajinError, String(error));
    assert.deepEqual([error.kind, error.code], [kind, code], error.message);
    return true;
  };
}

test("makes pictures, tells how, and the sidecar can be read", async () => {
  const told: Event[] = [];
  const how = await real();
  const made = await make(
    { prompt: "a rocket", count: 2, best: 1, sizes: ["128"], outDir: "dist", previews: true, headline: "-x $(touch hacked)" },
    { ...how, onEvent: (event) => void told.push(event) },
  );
  assert.equal(made.summary.verdict, "accepted");
  assert.equal(made.assets.length, 1);
  const [asset] = made.assets;
  assert.ok(asset?.path);
  const sidecar = await readSidecar(join(how.cwd, asset.path));
  assert.equal(sidecar.id, asset.id);
  assert.equal(sidecar.verdict?.status, "accepted");
  assert.equal(sidecar.request?.headline, "-x $(touch hacked)");
  const recorded = told.flatMap((event) => (event.event === "record" && event.id === asset.id ? [event.record.stage] : []));
  const stages = sidecar.stages?.map((record) => record.stage) ?? [];
  assert.deepEqual(recorded, stages.slice(stages.indexOf("generate")));
  for (const event of told) {
    if (event.event === "preview") await access(join(how.cwd, event.path));
  }
  assert.equal(told.filter((event) => event.event === "preview").length, 2);
  assert.equal(told.at(-1)?.event, "finished");
  await assert.rejects(access(join(how.cwd, "hacked")));
});

test("a prompt is a prompt, also where it looks like a file, an option, a list or a program", async () => {
  const how = await real();
  await writeFile(join(how.cwd, "secret.png"), "no picture");
  for (const prompt of ["secret.png", "--help", "-", "a cat, a dog; $(id)\nand `more`"]) {
    const { assets } = await make({ prompt, sizes: ["64"], outDir: "dist", set: { output: { name: "{seed}" } }, force: true, skip: ["validate"] }, how);
    const [asset] = assets;
    assert.ok(asset?.path, prompt);
    assert.equal((await readSidecar(join(how.cwd, asset.path))).request?.prompt, prompt);
  }
});

test("a rejection is an error with its code, its meaning and what was said", async () => {
  const error = await make(
    { prompt: "a rocket", sizes: ["64"], set: { quality: { min_side: 4000 } } },
    await real(),
  ).then(() => assert.fail("it passed"), (reason: unknown) => reason);
  assert.ok(failed("exit", 15)(error) && error instanceof ImajinError);
  assert.ok(error.rejected);
  assert.match(error.meaning ?? "", /rejected by quality/);
  assert.match(error.stderr, /rejected by quality/);
});

test("a wrong command line is an error with what is wrong", async () => {
  const told: Event[] = [];
  await assert.rejects(async () => {
    for await (const event of stream(["run", "--events", "--nosuch"], await real())) told.push(event);
  }, failed("exit", 2));
  assert.deepEqual(told.map((event) => event.event), ["error", "finished"]);
});

test("what is not there cannot be started", async () => {
  const cwd = await folder();
  await assert.rejects(make({ prompt: "a cat" }, { command: ["imajin-that-is-not-there"], cwd }), failed("start"));
  await assert.rejects(make({ prompt: "a cat" }, { ...(await real()), cwd: join(cwd, "nowhere") }), failed("start"));
});

test("a signal that is raised ends the process", async () => {
  const stop = new AbortController();
  let pids: number[] = [];
  await assert.rejects(async () => {
    for await (const event of stream(MANY, { ...(await real()), signal: stop.signal })) {
      if (event.event !== "candidate") continue;
      pids = await children();
      stop.abort(new Error("enough"));
    }
  }, (error) => failed("aborted")(error) && (error as ImajinError).cause instanceof Error);
  assert.equal(pids.length, 1);
  assert.ok(!pids.some(alive));
  await assert.rejects(make({ prompt: "a cat" }, { ...(await real()), signal: AbortSignal.abort() }), failed("aborted"));
});

test("who leaves the loop ends the process", async () => {
  let pids: number[] = [];
  for await (const event of stream(MANY, await real())) {
    if (event.event !== "candidate") continue;
    pids = await children();
    break;
  }
  assert.equal(pids.length, 1);
  assert.ok(!pids.some(alive));
});

test("who throws in the loop ends the process, and the error is theirs", async () => {
  await assert.rejects(
    make({ prompt: "a rocket", count: 200, sizes: ["512"] }, { ...(await real()), onEvent: () => Promise.reject(new Error("mine")) }),
    /^Error: mine$/,
  );
  await until(async () => (await children()).length === 0);
});

test("a process that somebody kills is told of", async () => {
  await assert.rejects(async () => {
    for await (const event of stream(MANY, await real())) {
      if (event.event === "candidate") for (const pid of await children()) process.kill(pid, "SIGKILL");
    }
  }, (error) => failed("killed")(error) && (error as ImajinError).signal === "SIGKILL");
});

test("what takes too long is ended", async () => {
  await assert.rejects(make({ prompt: "a rocket", count: 200, sizes: ["1024"] }, await real({ timeoutMs: 1500 })), failed("timeout"));
  assert.deepEqual(await children(), []);
});
