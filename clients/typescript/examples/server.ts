/** A server for a chat application: `POST /imajin` with a wish, answered by one JSON event a line, as they happen. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

import { argumentsOf, ImajinError, stream, type Options } from "imajin-client";

import { wishOf } from "./bridge.js";

const MOST_BODY = 64 * 1024;

export function serve(outDir: string, options: Options = {}): Server {
  return createServer((request, response) => {
    answer(request, response, outDir, options).catch((error: unknown) => {
      const code = error instanceof TypeError || error instanceof SyntaxError ? 400 : 500;
      if (!response.headersSent) response.writeHead(code, { "content-type": "text/plain" });
      // What went wrong inside is for the server's own log.
      response.end(code === 400 ? String(error) : "failed");
      if (code === 500) console.error(error);
    });
  });
}

async function answer(request: IncomingMessage, response: ServerResponse, outDir: string, options: Options): Promise<void> {
  if (request.method !== "POST" || request.url !== "/imajin") {
    response.writeHead(404).end();
    return;
  }
  const wish = wishOf(JSON.parse(await body(request)));
  const gone = new AbortController();
  response.once("close", () => gone.abort());
  response.writeHead(200, { "content-type": "application/x-ndjson", "cache-control": "no-store" });
  try {
    for await (const event of stream(argumentsOf({ ...wish, outDir, previews: true }), { ...options, signal: gone.signal })) {
      // A slow reader slows imajin down, instead of filling this process's memory.
      if (!response.write(`${JSON.stringify(event)}\n`)) await Promise.race([once(response, "drain"), once(response, "close")]);
    }
  } catch (error) {
    // Its last event, the summary, has told the reader.
    if (!(error instanceof ImajinError && ["exit", "aborted"].includes(error.kind))) throw error;
  }
  response.end();
}

async function body(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > MOST_BODY) throw new TypeError("a wish has at most 64 KiB");
    parts.push(part);
  }
  return Buffer.concat(parts).toString("utf8");
}
