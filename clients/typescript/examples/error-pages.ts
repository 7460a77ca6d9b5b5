/** A build script: pictures for a site's error pages, and a page around each. `node error-pages.js OUT` */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { ImajinError, make, type Manifest, type ManifestAsset, type Options } from "imajin-client";

const PAGES = {
  "error-404": "Page not found",
  "error-500": "Something broke",
  maintenance: "Back soon",
  offline: "You are offline",
} as const;

export async function build(out: string, options: Options = {}, size = "640x480"): Promise<string[]> {
  await mkdir(out, { recursive: true });
  const written: string[] = [];
  for (const [preset, title] of Object.entries(PAGES)) {
    const { summary } = await make({ preset, sizes: [size], outDir: out, set: { output: { name: preset } } }, options);
    console.error(`${preset}: ${summary.verdict}`);
    const page = join(out, `${preset}.html`);
    await writeFile(page, html(title, await entryOf(out, preset)));
    written.push(page);
  }
  return written;
}

async function entryOf(out: string, name: string): Promise<ManifestAsset> {
  const manifest = JSON.parse(await readFile(join(out, "manifest.json"), "utf8")) as Manifest;
  const entry = manifest.assets.find((asset) => asset.name === name);
  if (entry === undefined) throw new Error(`${name}: is not in the manifest`);
  return entry;
}

function html(title: string, entry: ManifestAsset): string {
  // The manifest's HTML is escaped already, its alt text among it.
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>
  body { display: grid; place-items: center; min-height: 100vh; margin: 0; font: 1rem/1.5 system-ui, sans-serif }
  img { max-width: 100%; height: auto; background: ${entry.placeholder} }
</style>
<main>${entry.html}<h1>${title}</h1><a href="/">Home</a></main>
</html>
`;
}

const [, script, out] = process.argv;
if (script?.endsWith("error-pages.js") === true && out !== undefined) {
  try {
    console.log((await build(out)).join("\n"));
  } catch (error) {
    if (!(error instanceof ImajinError)) throw error;
    console.error(error.message);
    process.exitCode = error.code ?? 1;
  }
}
