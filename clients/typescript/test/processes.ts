/** What the tests share: the real CLI, folders of their own, and programs that behave badly. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";

import type { Options } from "imajin-client";

type Command = [string, ...string[]];

/** The real imajin: as a JSON list in $IMAJIN_COMMAND, by default the one on PATH. */
export const IMAJIN = JSON.parse(process.env["IMAJIN_COMMAND"] ?? '["imajin"]') as Command;

const folders: string[] = [];

after(async () => {
  await Promise.all(folders.map((folder) => rm(folder, { recursive: true, force: true })));
});

export async function folder(): Promise<string> {
  const made = await mkdtemp(join(tmpdir(), "imajin-client-"));
  folders.push(made);
  return made;
}

/** Options for the real CLI in a folder and a home of its own. */
export async function real(more: Options = {}): Promise<Options & { cwd: string }> {
  const cwd = await folder();
  const env = { ...process.env, HOME: cwd, IMAJIN_WORKER: "off", OMP_NUM_THREADS: "1" };
  return { command: IMAJIN, cwd, env, ...more };
}

/** Options for a program in JavaScript that stands in for imajin. */
export async function fake(program: string, more: Options = {}): Promise<Options> {
  const path = join(await folder(), "program.mjs");
  await writeFile(path, program);
  return { command: [process.execPath, path], ...more };
}

/** A line that is an event, as source of such a program. */
export const SUMMARY = JSON.stringify({
  imajin: 1, event: "finished", stage: "run", passed: 0, rejected: {}, verdict: "accepted", code: 0, meaning: "fine",
});

/** Pids of this process's children. */
export async function children(): Promise<number[]> {
  const told = await readFile(`/proc/${process.pid}/task/${process.pid}/children`, "utf8");
  return told.split(" ").filter(Boolean).map(Number);
}

export function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** Wait until something is true. Throws after `ms`. */
export async function until(what: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  const limit = Date.now() + ms;
  while (!(await what())) {
    if (Date.now() > limit) throw new Error(`waited ${ms} ms in vain`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
