/** What stands between a page, which may start no process, and imajin: a request goes in, events come out. */
import type { Event, RunRequest } from "imajin-client";

/** All that a page may ask for: no paths, no settings. */
export type Wish = Required<Pick<RunRequest, "prompt">> & Pick<RunRequest, "count" | "headline">;

/** Events of one wish. Raising `signal` ends the work. Throws where the work ends badly. */
export type Bridge = (wish: Wish, signal: AbortSignal) => AsyncIterable<Event>;

/** The wish in what a page sent. Throws TypeError for anything else: what comes from a page is data, not a promise. */
export function wishOf(sent: unknown): Wish {
  if (typeof sent !== "object" || sent === null) throw new TypeError("a wish is an object");
  const { prompt, count, headline } = sent as Record<string, unknown>;
  if (typeof prompt !== "string" || prompt.trim() === "" || prompt.length > 2000) {
    throw new TypeError("a prompt has 1 to 2000 characters");
  }
  const wish: Wish = { prompt };
  if (count !== undefined) {
    if (typeof count !== "number" || !Number.isInteger(count) || count < 1 || count > 8) {
      throw new TypeError("a wish is for 1 to 8 candidates");
    }
    wish.count = count;
  }
  if (headline !== undefined) {
    if (typeof headline !== "string" || headline.length > 200) throw new TypeError("a headline has at most 200 characters");
    wish.headline = headline;
  }
  return wish;
}
