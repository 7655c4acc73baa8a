/**
 * What a command shows while runs go on: on a terminal one live line a run, elsewhere plain lines, at most one a run
 * every few seconds.
 */
import { createLogUpdate } from 'log-update';
import { print, visibleLine } from '../terminal.js';
import type { RunProgress } from './run-progress.js';

/** Shows the progress of runs that go on side by side. */
export interface ProgressView {
  update(label: string, progress: RunProgress): void;
  /** A line that stays; the run it is about, if any, leaves the live display. */
  line(text: string, label?: string): void;
  close(): void;
}

/** Columns of a terminal that does not say how many it has. */
const USUAL_COLUMNS = 80;

/** The width of a terminal, for what has to fit it; nothing of another stream. */
export function terminalWidth(stream: NodeJS.WriteStream): { readonly width?: number } {
  return stream.isTTY ? { width: stream.columns || USUAL_COLUMNS } : {};
}

const PLAIN_INTERVAL_MS = 5000;

/** A view on a stream, live if it is a terminal that has columns to draw on. */
export function createProgressView(stream: NodeJS.WriteStream, now: () => number = Date.now): ProgressView {
  return stream.isTTY && stream.columns !== 0 ? createLiveView(stream) : createPlainView(stream, now);
}

function createPlainView(stream: NodeJS.WritableStream, now: () => number): ProgressView {
  const last = new Map<string, number>();
  return {
    update(label, progress) {
      if (progress.phase === 'starting' || now() - (last.get(label) ?? 0) < PLAIN_INTERVAL_MS) return;
      last.set(label, now());
      print(visibleLine(`${label}: ${formatProgress(progress)}`), stream);
    },
    line: (text) => print(text, stream),
    close() {},
  };
}

function createLiveView(stream: NodeJS.WriteStream): ProgressView {
  const running = new Map<string, RunProgress>();
  const display = createLogUpdate(stream);
  const draw = () => {
    const width = Math.max(0, ...[...running.keys()].map((label) => label.length));
    const lines = [...running].map(([label, progress]) => {
      const line = `${visibleLine(label).padEnd(width)}  ${bar(progress)}  ${formatProgress(progress)}`;
      return line.slice(0, Math.max(20, (stream.columns || USUAL_COLUMNS) - 1));
    });
    display(lines.join('\n'));
  };
  return {
    update(label, progress) {
      running.set(label, progress);
      draw();
    },
    line(text, label) {
      if (label !== undefined) running.delete(label);
      display.clear();
      print(text, stream);
      draw();
    },
    close() {
      running.clear();
      display.clear();
      display.done();
    },
  };
}

const BAR_WIDTH = 16;

function bar({ step, steps }: RunProgress): string {
  const filled = Math.round((BAR_WIDTH * step) / steps);
  return '█'.repeat(filled) + '░'.repeat(BAR_WIDTH - filled);
}

/**
 * `step 120/800  loss 2.31  accuracy 41.2 %  validation 40.0 %  35 steps/s  0:20 left`; by likelihood
 * `step 120/800  loss 2.31 nats  validation 2.20 nats  12.3k tokens/s (41 % of peak)  0:20 left`.
 */
export function formatProgress(progress: RunProgress): string {
  const { phase, step, steps, loss, accuracy, validationAccuracy, validationLoss, stepsPerSecond, likelihood } =
    progress;
  if (phase === 'starting') return 'starting';
  const parts = [`step ${step}/${steps}`];
  if (loss !== null) parts.push(`loss ${loss.toPrecision(3)}${likelihood ? ' nats' : ''}`);
  if (likelihood) {
    if (validationLoss !== null) parts.push(`validation ${validationLoss.toPrecision(3)} nats`);
  } else {
    if (accuracy !== null) parts.push(`accuracy ${percent(accuracy)}`);
    if (validationAccuracy !== null) parts.push(`validation ${percent(validationAccuracy)}`);
  }
  if (phase === 'testing') parts.push('testing');
  else if (stepsPerSecond !== null) {
    const speed = likelihood ? tokenSpeed(likelihood) : `${stepsPerSecond.toPrecision(3)} steps/s`;
    parts.push(speed, `${formatDuration((steps - step) / stepsPerSecond)} left`);
  }
  return parts.join('  ');
}

function tokenSpeed({ tokensPerSecond, peakShare }: NonNullable<RunProgress['likelihood']>): string {
  const speed = `${compact.format(tokensPerSecond ?? 0)} tokens/s`;
  return peakShare === null ? speed : `${speed} (${Math.round(100 * peakShare)} % of peak)`;
}

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });

const percent = (fraction: number) => `${(100 * fraction).toFixed(1)} %`;

/** `0:07`, `12:40`, `3:05:00`. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [hours, minutes, rest] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (value: number) => String(value).padStart(2, '0');
  return hours > 0 ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}
