/** The main process of an Electron application. The page asks through the preload script's bridge; only this starts imajin. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { app, BrowserWindow, ipcMain, type IpcMainInvokeEvent } from "electron";
import { argumentsOf, ImajinError, stream } from "imajin-client";

import { wishOf } from "./bridge.js";

/** What the page is told at the end: the exit code and what it means, or why there is none. */
type Ending = { ok: true } | { ok: false; code: number | null; message: string };

const running = new Map<string, AbortController>();

ipcMain.handle("imajin:run", async (event: IpcMainInvokeEvent, key: unknown, sent: unknown): Promise<Ending> => {
  if (typeof key !== "string" || key.length > 64 || running.has(key)) throw new TypeError("a run needs a key of its own");
  const wish = wishOf(sent);
  const stop = new AbortController();
  const page = event.sender;
  const gone = (): void => stop.abort();
  running.set(key, stop);
  page.once("destroyed", gone);
  try {
    const out = join(app.getPath("userData"), "pictures");
    const words = argumentsOf({ ...wish, outDir: out, previews: true });
    for await (const told of stream(words, { cwd: app.getPath("userData"), signal: stop.signal, timeoutMs: 600_000 })) {
      if (!page.isDestroyed()) page.send("imajin:event", key, told);
    }
    return { ok: true };
  } catch (error) {
    if (!(error instanceof ImajinError)) throw error;
    return { ok: false, code: error.code, message: error.meaning ?? error.message };
  } finally {
    running.delete(key);
    page.removeListener("destroyed", gone);
  }
});

ipcMain.on("imajin:stop", (_event, key: unknown) => {
  if (typeof key === "string") running.get(key)?.abort();
});

// Whoever quits does not leave imajin at work behind.
app.on("before-quit", () => {
  for (const stop of running.values()) stop.abort();
});

void app.whenReady().then(async () => {
  const window = new BrowserWindow({
    webPreferences: { preload: fileURLToPath(new URL("preload.cjs", import.meta.url)), contextIsolation: true, sandbox: true },
  });
  await window.loadFile("index.html");
});
