/** A React hook: asks a bridge (a server, or Electron's main process) for pictures and shows how they come about. */
import { useCallback, useEffect, useRef, useState, type JSX } from "react";

import type { Candidate, Event, Passed, Summary } from "imajin-client";

import type { Bridge, Wish } from "./bridge.js";

export interface State {
  busy: boolean;
  /** The stage at work. */
  at: string | null;
  candidates: Candidate[];
  /** Id of an asset → path of its preview. */
  previews: Record<string, string>;
  assets: Passed[];
  summary: Summary | null;
  error: string | null;
}

const NOTHING: State = { busy: false, at: null, candidates: [], previews: {}, assets: [], summary: null, error: null };

/** The state after an event. */
export function after(state: State, event: Event): State {
  switch (event.event) {
    case "progress":
      return { ...state, at: event.at };
    case "candidate":
      return { ...state, candidates: [...state.candidates, event] };
    case "preview":
      return { ...state, previews: { ...state.previews, [event.id]: event.path } };
    case "asset":
      return { ...state, assets: [...state.assets, event] };
    case "error":
      return { ...state, error: event.message };
    case "finished":
      return { ...state, busy: false, at: null, summary: event };
    default:
      return state;
  }
}

export function useImajin(bridge: Bridge): State & { start: (wish: Wish) => void; stop: () => void } {
  const [state, setState] = useState<State>(NOTHING);
  const running = useRef<AbortController | null>(null);
  const stop = useCallback(() => running.current?.abort(), []);
  const start = useCallback(
    (wish: Wish) => {
      running.current?.abort();
      const own = new AbortController();
      running.current = own;
      setState({ ...NOTHING, busy: true });
      void (async () => {
        let error: string | null = null;
        try {
          for await (const event of bridge(wish, own.signal)) {
            if (running.current === own) setState((before) => after(before, event));
          }
        } catch (failure) {
          if (!own.signal.aborted) error = failure instanceof Error ? failure.message : String(failure);
        }
        // A later wish may have taken over meanwhile.
        if (running.current === own) setState((before) => ({ ...before, busy: false, error: error ?? before.error }));
      })();
    },
    [bridge],
  );
  // Who leaves the page wants nothing any more.
  useEffect(() => stop, [stop]);
  return { ...state, start, stop };
}

/** A bridge to `server.ts`. */
export function fetchBridge(url: string): Bridge {
  return async function* (wish, signal) {
    const response = await fetch(url, { method: "POST", body: JSON.stringify(wish), signal });
    if (!response.ok || response.body === null) throw new Error(await response.text());
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      const parts = (rest + (value ?? "")).split("\n");
      rest = parts.pop() ?? "";
      for (const line of parts) yield JSON.parse(line) as Event;
      if (done) return;
    }
  };
}

export function Illustrator({ bridge }: { bridge: Bridge }): JSX.Element {
  const { busy, at, candidates, previews, summary, error, start, stop } = useImajin(bridge);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        start({ prompt: String(new FormData(event.currentTarget).get("prompt")), count: 4 });
      }}
    >
      <input name="prompt" aria-label="What to see" required />
      {busy ? <button type="button" onClick={stop}>Stop</button> : <button>Draw</button>}
      <p role="status">{error ?? (busy ? `at ${at ?? "the start"}` : summary?.meaning)}</p>
      <ul>
        {candidates.map(({ id, index }) => (
          <li key={id}>{previews[id] === undefined ? `candidate ${index + 1}` : <img src={previews[id]} alt="" />}</li>
        ))}
      </ul>
    </form>
  );
}
