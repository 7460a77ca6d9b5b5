import { argumentsOf, type RunRequest } from "./arguments.js";
import type { Event, Passed, Rejected, Summary } from "./schema.js";
import { stream, type Options } from "./stream.js";

/** What came of a run. */
export interface Made {
  assets: Passed[];
  rejected: Rejected[];
  summary: Summary;
}

/**
 * Run a request to its end. `onEvent` is told of every event, and waited for. Throws ImajinError where imajin does not end
 * with 0: its `code` and `meaning` say why.
 */
export async function make(
  request: RunRequest,
  options: Options & { onEvent?: (event: Event) => void | Promise<void> } = {},
): Promise<Made> {
  const { onEvent, ...how } = options;
  const assets: Passed[] = [];
  const rejected: Rejected[] = [];
  const events = stream(argumentsOf(request), how);
  try {
    for (;;) {
      const next = await events.next();
      if (next.done === true) return { assets, rejected, summary: next.value };
      if (next.value.event === "asset") assets.push(next.value);
      if (next.value.event === "rejected") rejected.push(next.value);
      await onEvent?.(next.value);
    }
  } finally {
    await events.return(undefined as never);
  }
}
