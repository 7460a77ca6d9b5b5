import { spawn, type ChildProcessByStdio } from "node:child_process";
import type { Readable } from "node:stream";

import { ImajinError, meaningOf } from "./errors.js";
import { lines, Tail } from "./lines.js";
import { EVENTS_VERSION, type Event, type Summary } from "./schema.js";

/** How imajin is called. */
export interface Options {
  /** The program and its first arguments; by default `["imajin"]`, found by PATH. */
  command?: readonly [string, ...string[]];
  cwd?: string;
  /** The whole environment; by default this process's. */
  env?: NodeJS.ProcessEnv;
  /** Ends the work: SIGTERM, and SIGKILL after `killAfterMs`. */
  signal?: AbortSignal;
  /** Most milliseconds that the call may take; by default there is no limit. */
  timeoutMs?: number;
  /** How long imajin has to tidy up before it is killed. 5000 by default. */
  killAfterMs?: number;
  /** How much of standard error an error carries. 65536 by default. */
  stderrBytes?: number;
  /** Is told each piece of standard error as it comes. */
  onStderr?: (text: string) => void;
}

type Child = ChildProcessByStdio<null, Readable, Readable>;

interface Ending {
  code: number | null;
  signal: NodeJS.Signals | null;
  /** What kept it from starting. */
  failure?: Error;
}

/** Most characters of one event: a record is some kilobytes. */
const MOST_LINE = 16 * 1024 * 1024;

/**
 * Run `imajin ARGUMENTS` and give its events as they happen; the summary is the last of them, and what the generator returns.
 *
 * The arguments have to ask for events (`--json`, `--events` or `--previews`). No shell is involved. Who leaves the loop ends
 * the process; who is slow in it slows the process down. Throws ImajinError where imajin does not end with 0.
 */
export async function* stream(args: readonly string[], options: Options = {}): AsyncGenerator<Event, Summary> {
  if (options.signal?.aborted === true) throw stopped("aborted", null, "");
  const call = new Call(args, options);
  let summary: Summary | undefined;
  try {
    for await (const line of lines(call.child.stdout, MOST_LINE)) {
      const event = parsed(line, call);
      if (event === undefined) continue;
      if (event.event === "finished") summary = event;
      yield event;
      call.hold();
    }
    return call.ended(await call.ending, summary);
  } catch (error) {
    // Where it was stopped, what else went wrong is only a consequence.
    throw call.why ?? (error instanceof RangeError ? call.broken(error.message) : error);
  } finally {
    await call.stop();
  }
}

/** One process, and what may end it. */
class Call {
  readonly child: Child;
  readonly ending: Promise<Ending>;
  readonly #stderr: Tail;
  readonly #killAfter: number;
  readonly #disarm: (() => void)[] = [];
  #over = false;
  #why: ImajinError | undefined;

  constructor(args: readonly string[], options: Options) {
    const [program, ...first] = options.command ?? ["imajin"];
    this.#killAfter = options.killAfterMs ?? 5000;
    this.#stderr = new Tail(options.stderrBytes ?? 64 * 1024);
    try {
      this.child = spawn(program, [...first, ...args], {
        cwd: options.cwd,
        env: options.env ?? process.env,
        stdio: ["ignore", "pipe", "pipe"],
        shell: false,
        windowsHide: true,
      });
    } catch (cause) {
      throw new ImajinError("start", `${program} cannot be started: ${String(cause)}`, { cause });
    }
    this.ending = new Promise((resolve) => {
      const done = (ending: Ending): void => {
        this.#over = true;
        resolve(ending);
      };
      this.child.once("error", (failure) => this.child.pid === undefined && done({ code: null, signal: null, failure }));
      this.child.once("close", (code, signal) => done({ code, signal }));
    });
    // Always read, or a full pipe would stop the process.
    this.child.stderr.on("data", (chunk: Buffer) => {
      this.#stderr.add(chunk);
      options.onStderr?.(chunk.toString("utf8"));
    });
    this.#arm(options);
  }

  /** Why it was stopped, undefined where it was not. */
  get why(): ImajinError | undefined {
    return this.#why;
  }

  /** Throw where it was stopped while nobody was reading. */
  hold(): void {
    if (this.#why !== undefined) throw this.#why;
  }

  #arm(options: Options): void {
    const { signal, timeoutMs } = options;
    if (signal !== undefined) {
      const abort = (): void => this.#end("aborted", signal.reason);
      signal.addEventListener("abort", abort, { once: true });
      this.#disarm.push(() => signal.removeEventListener("abort", abort));
    }
    if (timeoutMs !== undefined) {
      const timer = setTimeout(() => this.#end("timeout", undefined, timeoutMs), timeoutMs);
      this.#disarm.push(() => clearTimeout(timer));
    }
  }

  #end(kind: "aborted" | "timeout", cause?: unknown, timeoutMs?: number): void {
    this.#why ??= stopped(kind, timeoutMs ?? null, this.#stderr.text(), cause);
    this.#terminate();
    // Nobody needs the rest, and a writer that waits for a reader could not tidy up.
    this.child.stdout.destroy();
  }

  #terminate(): void {
    if (this.#over) return;
    this.child.kill("SIGTERM");
    const timer = setTimeout(() => this.child.kill("SIGKILL"), this.#killAfter);
    void this.ending.then(() => clearTimeout(timer));
  }

  /** End the process if it still runs, and wait until it has. */
  async stop(): Promise<void> {
    for (const disarm of this.#disarm) disarm();
    if (!this.#over) {
      this.child.stdout.destroy();
      this.#terminate();
    }
    await this.ending;
  }

  /** The summary of a process that ended well. Throws ImajinError for any other. */
  ended(ending: Ending, summary: Summary | undefined): Summary {
    if (this.#why !== undefined) throw this.#why;
    const { code, signal, failure } = ending;
    const stderr = this.#stderr.text();
    if (failure !== undefined) {
      const missing = (failure as NodeJS.ErrnoException).code === "ENOENT";
      const hint = missing ? " (is it installed and on PATH? is `cwd` there?)" : "";
      throw new ImajinError("start", `imajin cannot be started: ${failure.message}${hint}`, { cause: failure, stderr });
    }
    if (signal !== null) throw new ImajinError("killed", `imajin was ended by ${signal}`, { signal, stderr });
    if (code !== 0) {
      const meaning = meaningOf(code) ?? "not an exit code of imajin's";
      throw new ImajinError("exit", `imajin ended with ${code}: ${lastLine(stderr) ?? meaning}`, { code, stderr });
    }
    if (summary === undefined) throw this.broken("it ended without a summary");
    return summary;
  }

  broken(what: string): ImajinError {
    return new ImajinError("protocol", `imajin printed what is no event: ${what}`, { stderr: this.#stderr.text() });
  }
}

function stopped(kind: "aborted" | "timeout", timeoutMs: number | null, stderr: string, cause?: unknown): ImajinError {
  const message = kind === "aborted" ? "imajin was aborted" : `imajin took more than ${timeoutMs} ms`;
  return new ImajinError(kind, message, { stderr, ...(cause === undefined ? {} : { cause }) });
}

/** The event in a line; undefined for a kind that this version does not know. Throws ImajinError. */
function parsed(line: string, call: Call): Event | undefined {
  let event: unknown;
  try {
    event = JSON.parse(line);
  } catch {
    throw call.broken(JSON.stringify(line.slice(0, 200)));
  }
  if (typeof event !== "object" || event === null || !("event" in event) || !("imajin" in event)) {
    throw call.broken(JSON.stringify(line.slice(0, 200)));
  }
  if (event.imajin !== EVENTS_VERSION) {
    throw call.broken(`events of version ${String(event.imajin)}, and this client reads version ${EVENTS_VERSION}`);
  }
  return KINDS.has(String(event.event)) ? (event as Event) : undefined;
}

// A record of all kinds, so that the compiler misses none.
const EVERY: Record<Event["event"], true> = {
  started: true,
  progress: true,
  candidate: true,
  preview: true,
  record: true,
  asset: true,
  rejected: true,
  error: true,
  draw: true,
  job: true,
  stale: true,
  current: true,
  planned: true,
  forecast: true,
  cell: true,
  compared: true,
  finished: true,
};
const KINDS: ReadonlySet<string> = new Set(Object.keys(EVERY));

function lastLine(text: string): string | undefined {
  return text.trimEnd().split("\n").at(-1) || undefined;
}
