import { EXITS } from "./schema.js";

/**
 * Why a call failed: `exit` imajin ended with a code other than 0; `start` it could not be started; `aborted` the signal was
 * raised; `timeout` it took too long; `killed` something else killed it; `protocol` it printed what is no event.
 */
export type Kind = "exit" | "start" | "aborted" | "timeout" | "killed" | "protocol";

interface Details {
  code?: number | null;
  signal?: NodeJS.Signals | null;
  stderr?: string;
  cause?: unknown;
}

/** A call that did not end well. `code` is imajin's exit code where it has one, `meaning` what that code says. */
export class ImajinError extends Error {
  override readonly name = "ImajinError";
  readonly kind: Kind;
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what imajin wrote on standard error, at most `stderrBytes`. */
  readonly stderr: string;

  constructor(kind: Kind, message: string, details: Details = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.kind = kind;
    this.code = details.code ?? null;
    this.signal = details.signal ?? null;
    this.stderr = details.stderr ?? "";
  }

  /** What the exit code means, as imajin's own table says it. */
  get meaning(): string | null {
    return meaningOf(this.code);
  }

  /** Whether a gate rejected what was made (10 to 16): the request is at fault, and not the machine. */
  get rejected(): boolean {
    return this.code !== null && this.code >= 10 && this.code <= 16;
  }
}

/** What an exit code means, null for one that the table does not have. */
export function meaningOf(code: number | null): string | null {
  const table: Readonly<Record<number, { readonly meaning: string }>> = EXITS;
  return code === null ? null : (table[code]?.meaning ?? null);
}
