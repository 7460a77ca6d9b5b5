export type Scalar = string | number | boolean;

/** A run, as a program asks for it. Every text is handed over as text: none can become an option or the name of a file. */
export interface RunRequest {
  /** What to see. Leave it out where a preset has a prompt of its own. */
  prompt?: string;
  /** Pictures, sidecars or request files to take through the stages, instead of a prompt. */
  files?: readonly string[];
  preset?: string;
  headline?: string;
  caption?: string;
  /** "WIDTHxHEIGHT" or "SIDE", in pixels. */
  sizes?: readonly string[];
  seed?: number;
  /** How many candidates; with `untilPass`, how many have to pass. */
  count?: number;
  /** Keep so many of them. */
  best?: number;
  untilPass?: boolean;
  maxCandidates?: number;
  maxSeconds?: number;
  /** Stages that run only where they are asked for. */
  also?: readonly string[];
  skip?: readonly string[];
  /** Folder to publish into. */
  outDir?: string;
  /** Any stage's parameters, by section: `{ generate: { theme: "dark" } }`. */
  set?: Readonly<Record<string, Readonly<Record<string, Scalar | readonly Scalar[]>>>>;
  /** Small pictures of candidates, as `preview` events. */
  previews?: boolean;
  /** Do the work again, even if its result is there. */
  force?: boolean;
}

/** The arguments of `imajin` for a request. Throws TypeError for what no command line can hold. */
export function argumentsOf(request: RunRequest): string[] {
  const words = ["run", request.previews === true ? "--previews" : "--events"];
  const option = (name: string, value: Scalar | undefined): void => {
    // In one word: a value that begins with a dash is none of our options.
    if (value !== undefined) words.push(`--${name}=${String(value)}`);
  };
  const flag = (name: string, on: boolean | undefined): void => {
    if (on === true) words.push(`--${name}`);
  };
  option("preset", request.preset);
  option("headline", request.headline);
  option("caption", request.caption);
  for (const size of request.sizes ?? []) option("size", size);
  option("seed", request.seed);
  option("count", request.count);
  option("best", request.best);
  flag("until-pass", request.untilPass);
  option("max-candidates", request.maxCandidates);
  option("max-seconds", request.maxSeconds);
  for (const stage of request.also ?? []) option("also", stage);
  for (const stage of request.skip ?? []) option("skip", stage);
  option("to", request.outDir);
  flag("force", request.force);
  for (const [section, values] of Object.entries(request.set ?? {})) {
    for (const [name, value] of Object.entries(values)) option("set", `${section}.${name}=${told(value)}`);
  }
  // As a parameter, and not as an argument, which would be a file's name where there is such a file.
  if (request.prompt !== undefined) option("set", `request.prompt=${request.prompt}`);
  if (request.files !== undefined && request.files.length > 0) words.push("--", ...request.files.map(named));
  for (const word of words) {
    if (word.includes("\0")) throw new TypeError("no argument can hold a NUL character");
  }
  return words;
}

function told(value: Scalar | readonly Scalar[]): string {
  if (!Array.isArray(value)) return String(value);
  const items = value.map(String);
  if (items.some((item) => item.includes(","))) throw new TypeError("an item of a list cannot hold a comma");
  return items.join(",");
}

function named(file: string): string {
  // "-" alone would be standard input.
  return file.startsWith("-") ? `./${file}` : file;
}
