/** What an evaluation shows while it goes on: a live line on a terminal, else a line every few seconds. */
import { createLogUpdate } from 'log-update';
import { formatDuration } from '../runs/progress.js';
import { print, visibleLine } from '../terminal.js';

export interface EvalView {
  /** @param what is counted: `requests`. */
  update(label: string, done: number, total: number, what: string): void;
  close(): void;
}

const PLAIN_INTERVAL_MS = 5000;
const LIVE_INTERVAL_MS = 200;

export function createEvalView(stream: NodeJS.WriteStream, now: () => number = Date.now): EvalView {
  const display = stream.isTTY ? createLogUpdate(stream) : undefined;
  const begun = new Map<string, { readonly time: number; readonly done: number }>();
  let last = now();
  return {
    update(label, done, total, what) {
      const time = now();
      const key = `${label} ${what}`;
      if (!begun.has(key)) begun.set(key, { time, done });
      if (time - last < (display ? LIVE_INTERVAL_MS : PLAIN_INTERVAL_MS)) return;
      last = time;
      const first = begun.get(key)!;
      const rate = (done - first.done) / (time - first.time);
      const left = rate > 0 ? `  ${formatDuration((total - done) / rate / 1000)} left` : '';
      const line = visibleLine(`${label}  ${done} / ${total} ${what}${left}`);
      if (display) display(line);
      else print(line, stream);
    },
    close() {
      display?.clear();
      display?.done();
    },
  };
}
