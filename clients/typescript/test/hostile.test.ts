/** Against programs that behave badly: endless, deaf, chatty, slow, and those that print no events. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";

import { argumentsOf, ImajinError, stream } from "imajin-client";

import { lines, Tail } from "../src/lines.js";
import { alive, children, fake, folder, SUMMARY, until } from "./processes.js";

async function drained(options: Parameters<typeof stream>[1]): Promise<string[]> {
  const kinds = [];
  for await (const event of stream([], options)) kinds.push(event.event);
  return kinds;
}

function fails(kind: string, message: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ImajinError, String(error));
    assert.equal(error.kind, kind);
    assert.match(error.message, message);
    return true;
  };
}

test("a program that is deaf to SIGTERM is killed", async () => {
  const options = await fake(
    `process.on("SIGTERM", () => {}); console.log('{"imajin":1,"event":"started","stage":"run"}'); setInterval(() => {}, 1000);`,
    { killAfterMs: 200 },
  );
  const stop = new AbortController();
  let pids: number[] = [];
  await assert.rejects(async () => {
    for await (const _ of stream([], { ...options, signal: stop.signal })) {
      pids = await children();
      stop.abort();
    }
  }, fails("aborted", /aborted/));
  assert.equal(pids.length, 1);
  assert.ok(!pids.some(alive));
});

test("a slow reader slows the program down, and misses nothing", async () => {
  const count = 20_000;
  const place = await folder();
  // 20 MB: far more than pipes and buffers hold.
  const options = await fake(
    `import { writeSync, writeFileSync } from "node:fs";
     const put = (text) => { for (let at = 0; at < text.length; ) try { at += writeSync(1, text.slice(at)); } catch (error) { if (error.code !== "EAGAIN") throw error; } };
     for (let i = 0; i < ${count}; i++) {
       put(JSON.stringify({ imajin: 1, event: "progress", stage: "run", at: "x".repeat(1000), id: String(i), step: null, steps: null }) + "\\n");
       if (i % 100 === 0) writeFileSync(${JSON.stringify(join(place, "written"))}, String(i));
     }
     put(${JSON.stringify(SUMMARY)} + "\\n");`,
  );
  let seen = 0;
  for await (const event of stream([], options)) {
    if (event.event !== "progress") continue;
    assert.equal(event.id, String(seen));
    seen += 1;
    if (seen === 10) {
      await new Promise((resolve) => setTimeout(resolve, 700));
      const written = Number(await readFile(join(place, "written"), "utf8"));
      assert.ok(written < count / 10, `${written} were written ahead`);
    }
  }
  assert.equal(seen, count);
});

test("what is said on standard error is read, told, and kept to a bound", async () => {
  let told = 0;
  const options = await fake(
    `for (let i = 0; i < 4000; i++) process.stderr.write("x".repeat(1000) + "\\n");
     process.stderr.write("imajin run: the end\\n", () => process.exit(20));`,
    { stderrBytes: 1000, onStderr: (text) => (told += text.length) },
  );
  await assert.rejects(drained(options), (error) => {
    assert.ok(fails("exit", /ended with 20: imajin run: the end/)(error) && error instanceof ImajinError);
    assert.equal(error.stderr.length, 1000);
    assert.match(error.meaning ?? "", /missing/);
    return true;
  });
  assert.ok(told > 4_000_000);
});

const WRONG: Record<string, [string, RegExp]> = {
  "no JSON": [`console.log("Traceback: boom")`, /what is no event: "Traceback/],
  "JSON that is no event": [`console.log("[1, 2]")`, /no event/],
  "events of another version": [`console.log('{"imajin":2,"event":"started"}')`, /of version 2/],
  "no summary": [`console.log('{"imajin":1,"event":"started","stage":"run"}')`, /without a summary/],
  "a line without an end": [
    `import { writeSync } from "node:fs"; try { for (;;) try { writeSync(1, "x".repeat(1 << 20)); } catch (e) { if (e.code !== "EAGAIN") throw e; } } catch {}`,
    /a line of more than/,
  ],
};

for (const [name, [program, message]] of Object.entries(WRONG)) {
  test(`it is an error where it prints ${name}`, async () => {
    await assert.rejects(drained(await fake(program)), fails("protocol", message));
    await until(async () => (await children()).length === 0);
  });
}

test("an event of a kind that is not known yet is left out", async () => {
  const program = `console.log('{"imajin":1,"event":"dream","stage":"run"}'); console.log(${JSON.stringify(SUMMARY)});`;
  assert.deepEqual(await drained(await fake(program)), ["finished"]);
});

test("an exit code that imajin has not is no code of the table", async () => {
  await assert.rejects(drained(await fake("process.exit(77)")), (error) => {
    assert.ok(fails("exit", /77: not an exit code/)(error) && error instanceof ImajinError);
    assert.deepEqual([error.code, error.meaning, error.rejected], [77, null, false]);
    return true;
  });
});

test("a file that is no program cannot be started", async () => {
  const path = join(await folder(), "imajin");
  await writeFile(path, "#!/nowhere\n", { mode: 0o644 });
  await assert.rejects(drained({ command: [path] }), fails("start", /cannot be started/));
});

test("characters that are cut by chunks are whole in lines", async () => {
  const text = 'ä€𝄞\n{"a":"日本"}\nlast';
  const bytes = Buffer.from(text);
  for (let size = 1; size < 8; size++) {
    async function* chunks(): AsyncGenerator<Buffer> {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    }
    const found = [];
    for await (const line of lines(chunks(), 100)) found.push(line);
    assert.deepEqual(found, text.split("\n"));
  }
});

test("a tail is the end of what it was given", () => {
  const tail = new Tail(10);
  let all = "";
  for (let i = 0; i < 5000; i++) {
    tail.add(Buffer.from(`${i},`));
    all += `${i},`;
    if (i % 997 === 0) assert.equal(tail.text(), all.slice(-10));
  }
  assert.equal(tail.text(), all.slice(-10));
});

test("arguments keep to themselves", () => {
  const words = argumentsOf({ headline: "--force", files: ["-rf.png", "-"], set: { output: { format: ["png", "svg"] } } });
  assert.deepEqual(words, ["run", "--events", "--headline=--force", "--set=output.format=png,svg", "--", "./-rf.png", "./-"]);
  assert.throws(() => argumentsOf({ prompt: "a\0b" }), TypeError);
  assert.throws(() => argumentsOf({ set: { output: { format: ["a,b"] } } }), TypeError);
});
