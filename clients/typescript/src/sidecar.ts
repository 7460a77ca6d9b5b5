import { readFile } from "node:fs/promises";

import type { Sidecar } from "./schema.js";

/** The version of the sidecars that this client knows. */
const SIDECAR_VERSION = 1;

/** The sidecar beside a picture. Throws what reading throws, and TypeError for what is none. */
export async function readSidecar(picture: string): Promise<Sidecar> {
  const path = picture.endsWith(".json") ? picture : `${picture}.json`;
  const known: unknown = JSON.parse(await readFile(path, "utf8"));
  if (typeof known !== "object" || known === null || !("id" in known) || !("imajin" in known)) {
    throw new TypeError(`${path}: is no sidecar`);
  }
  if (typeof known.imajin !== "number" || known.imajin > SIDECAR_VERSION) {
    throw new TypeError(`${path}: is of version ${String(known.imajin)}, and this client reads ${SIDECAR_VERSION}`);
  }
  return known as Sidecar;
}
