import { StringDecoder } from "node:string_decoder";

/**
 * Lines of a stream of UTF-8, one at a time: nothing is read ahead of who asks, so that a slow reader slows the writer down.
 * Throws RangeError for a line of more than `most` characters.
 */
export async function* lines(source: AsyncIterable<Buffer>, most: number): AsyncGenerator<string, void> {
  const decoder = new StringDecoder("utf8");
  // In pieces, and joined once: adding each piece to a long line would copy it over and over.
  let pieces: string[] = [];
  let size = 0;
  for await (const chunk of source) {
    const [first = "", ...others] = decoder.write(chunk).split("\n");
    pieces.push(first);
    size += first.length;
    if (size > most) throw new RangeError(`a line of more than ${most} characters`);
    for (const next of others) {
      yield pieces.join("");
      pieces = [next];
      size = next.length;
    }
  }
  pieces.push(decoder.end());
  const rest = pieces.join("");
  if (rest !== "") yield rest;
}

/** Keeps the last `most` bytes of what it is given. */
export class Tail {
  readonly #most: number;
  #chunks: Buffer[] = [];
  #size = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    // Joined now and then, so that many small pieces cost no more than few large ones.
    if (this.#size > 2 * this.#most || this.#chunks.length > 1024) {
      this.#chunks = [Buffer.concat(this.#chunks).subarray(-this.#most)];
      this.#size = this.#chunks[0]?.length ?? 0;
    }
  }

  text(): string {
    return this.#most === 0 ? "" : Buffer.concat(this.#chunks).subarray(-this.#most).toString("utf8");
  }
}
