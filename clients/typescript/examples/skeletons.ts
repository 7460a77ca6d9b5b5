/** Makes an npm package of loading states: pictures, a module that names them, and its types. `node skeletons.js OUT` */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { make, type Manifest, type Options } from "imajin-client";

const STATES = {
  feed: "a stack of letters",
  profile: "a smiling face in a frame",
  chart: "a bar chart that is being drawn",
} as const;

export async function build(out: string, options: Options = {}, size = "480x320"): Promise<void> {
  const pictures = join(out, "pictures");
  await mkdir(pictures, { recursive: true });
  for (const [name, prompt] of Object.entries(STATES)) {
    for (const theme of ["light", "dark"]) {
      await make(
        {
          preset: "loading",
          prompt,
          sizes: [size],
          outDir: pictures,
          set: { generate: { theme }, output: { name: `${name}-{theme}`, format: ["webp", "svg"] } },
        },
        options,
      );
    }
  }
  const manifest = JSON.parse(await readFile(join(pictures, "manifest.json"), "utf8")) as Manifest;
  const table = Object.fromEntries(
    manifest.assets.map(({ name, alt, width, height, placeholder }) => [
      name,
      { src: `./pictures/${name}.webp`, svg: `./pictures/${name}.svg`, alt, width, height, placeholder },
    ]),
  );
  const names = Object.keys(table).sort();
  await writeFile(join(out, "index.js"), `export const skeletons = ${JSON.stringify(table, null, 2)};\n`);
  await writeFile(
    join(out, "index.d.ts"),
    `export interface Skeleton {
  src: string;
  svg: string;
  alt: string;
  width: number;
  height: number;
  /** The average colour, to stand in while the picture loads. */
  placeholder: string;
}
export declare const skeletons: Record<${names.map((name) => JSON.stringify(name)).join(" | ")}, Skeleton>;
`,
  );
  const about = { name: "skeletons", version: "1.0.0", type: "module", exports: "./index.js", types: "./index.d.ts" };
  await writeFile(join(out, "package.json"), `${JSON.stringify(about, null, 2)}\n`);
}

const [, script, out] = process.argv;
if (script?.endsWith("skeletons.js") === true && out !== undefined) await build(out);
