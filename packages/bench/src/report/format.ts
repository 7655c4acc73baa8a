/** Numbers as tables, sentences and axes show them. English, so that a report reads the same everywhere. */
import type { Estimate } from './statistics.js';

/** Stands where there is no number. */
export const NO_VALUE = '–';

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 });
const exact = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });

/** Digits of a percentage without its sign: two decimals near its ends, and `100` for 1 alone. */
function percentDigits(fraction: number): string {
  if (fraction === 1 || fraction === 0) return String(fraction * 100);
  if (fraction >= 0.98 || fraction < 0.01) return Math.min(99.99, fraction * 100).toFixed(2);
  return (fraction * 100).toFixed(1);
}

/** `99.40 %` of 0.994, `27.0 %` of 0.27. */
export function formatPercent(fraction = Number.NaN): string {
  return Number.isFinite(fraction) ? `${percentDigits(fraction)} %` : NO_VALUE;
}

/** A share that somebody chose, in percent and as they wrote it: 99 of 0.99, 99.95 of 0.9995. */
export function inPercent(fraction: number): number {
  return Number((100 * fraction).toPrecision(10));
}

/** `[98.5, 99.1]`, in percent; empty where there is no interval. */
export function formatInterval({ low, high }: Estimate): string {
  return low === null || high === null ? '' : `[${percentDigits(low)}, ${percentDigits(high)}]`;
}

/** `99.40 % [98.5, 99.7]`. */
export function formatEstimate(estimate: Estimate): string {
  return `${formatPercent(estimate.value)} ${formatInterval(estimate)}`.trimEnd();
}

/** `5.137`, `27.41`, `1,240`: four digits; `diverged` where it is infinite. */
export function formatPerplexity(perplexity = Number.NaN): string {
  if (perplexity === Number.POSITIVE_INFINITY) return 'diverged';
  if (!Number.isFinite(perplexity)) return NO_VALUE;
  return perplexity < 999.5 ? perplexity.toPrecision(4) : exact.format(perplexity);
}

/** `5.137 [5.09, 5.19]`. */
export function formatPerplexityEstimate({ value, low, high }: Estimate): string {
  const interval = low === null || high === null ? '' : ` [${low.toPrecision(3)}, ${high.toPrecision(3)}]`;
  return `${formatPerplexity(value)}${interval}`;
}

/** Exact below 100,000 (`8,192`), three digits above (`9.1M`). */
export function formatCount(count: number): string {
  if (!Number.isFinite(count)) return NO_VALUE;
  return Math.abs(count) < 1e5 ? exact.format(count) : compact.format(count);
}

/** `0.75 s`, `12 s`, `3 min 5 s`, `2 h 10 min`. */
export function formatSeconds(seconds: number): string {
  if (!Number.isFinite(seconds)) return NO_VALUE;
  if (seconds < 9.95) return `${seconds.toPrecision(2)} s`;
  const whole = Math.round(seconds);
  if (whole < 120) return `${whole} s`;
  if (whole < 7200) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  return `${Math.floor(whole / 3600)} h ${Math.round((whole % 3600) / 60)} min`;
}

/** `0.21 ms`, `12.3 ms`, `1,240 ms`. */
export function formatMs(ms = Number.NaN): string {
  if (!Number.isFinite(ms)) return NO_VALUE;
  return `${ms < 999.5 ? Number(ms.toPrecision(3)) : exact.format(ms)} ms`;
}

/** `310 MB`, in powers of ten. */
export function formatBytes(bytes: number): string {
  if (!Number.isFinite(bytes)) return NO_VALUE;
  return bytes < 1e9 ? `${Math.round(bytes / 1e6)} MB` : `${(bytes / 1e9).toFixed(1)} GB`;
}

/** `8` or `1.5`, of a ratio. */
export function formatRatio(ratio: number): string {
  return String(Math.round(ratio * 10) / 10);
}

/** `vocabSize 512, norm rmsNorm (eps 0.001)`, of a config; what is nested in it as JSON, but for parts. */
export function formatOptions(options: object): string {
  return Object.entries(options)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => `${key} ${formatOption(value)}`)
    .join(', ');
}

function formatOption(value: unknown): string {
  const part = value as { readonly name: string; readonly config: object } | null;
  if (typeof part?.name === 'string' && typeof part.config === 'object') {
    return `${part.name} (${formatOptions(part.config)})`;
  }
  return typeof value === 'string' ? shortened(value) : JSON.stringify(value);
}

/** A long hash by its first digits: `0386b650e1c8…`; any other text as it is. */
export function shortened(text: string): string {
  return /^[0-9a-f]{32,}$/.test(text) ? `${text.slice(0, 12)}…` : text;
}

/** `1 run`, `2 runs`. */
export function plural(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listWords(words: readonly string[]): string {
  return words.length < 2 ? (words[0] ?? '') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
