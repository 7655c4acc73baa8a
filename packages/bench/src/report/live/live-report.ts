/** The report of a directory as its runs are at the moment: looked at when asked, made anew where something has changed. */
import { createHash } from 'node:crypto';
import { readStatus } from '../../cluster/status.js';
import type { OnFault } from '../../runs/tell-fault.js';
import { keepDrawings } from '../drawn-charts.js';
import { groupEntries } from '../entries.js';
import { headingOf } from '../heading.js';
import { reportPage } from '../page.js';
import { heardOf, progressSection } from './live-view.js';
import { createRunReader } from './run-reader.js';

/** Characters of the charts that are kept from page to page. */
const DRAWINGS = 24_000_000;

/** How the runs stand. */
export interface Sight {
  /** Another one where the page would be another. */
  readonly version: string;
  /** By run directory: when a run under way was last heard of. */
  readonly heard: Readonly<Record<string, string>>;
}

/** A report that can be asked for at any time. */
export interface LiveReport {
  /** Looks at the files of the runs; once for all who ask while it looks. */
  look(): Promise<Sight>;
  /** The page of what was seen last; made once for each version. */
  page(): Promise<string>;
}

/** @param onFault is told of records that cannot be read, again and again while they cannot. */
export function createLiveReport(directory: string, onFault: OnFault): LiveReport {
  keepDrawings(DRAWINGS);
  const read = createRunReader(directory, onFault);
  type Seen = Sight & { readonly page: () => Promise<string> };
  let seen: Seen | undefined;
  let looking: Promise<Seen> | undefined;
  let page: { readonly version: string; readonly text: Promise<string> } | undefined;

  async function see(): Promise<Seen> {
    const { runs, mark } = await read();
    const plans = await readStatus(directory, onFault);
    const lasting = plans.map((plan) => ({
      ...plan,
      runs: plan.runs.map((run) => (run.state === 'running' ? { ...run, heartbeatSeconds: 0 } : run)),
    }));
    const version = createHash('sha256')
      .update(JSON.stringify([mark, lasting]))
      .digest('base64url')
      .slice(0, 16);
    const running = plans.flatMap((plan) => plan.runs.flatMap((run) => (run.state === 'running' ? [run] : [])));
    return {
      version,
      heard: Object.fromEntries(running.map((run) => [run.directory, heardOf(run)])),
      page: async () => {
        const entries = groupEntries(runs);
        const { title, description } =
          runs.length > 0
            ? headingOf(runs.map(({ config }) => config))
            : { title: 'No run has begun', description: 'The report comes with the first one.' };
        return reportPage(title, description, entries, undefined, { version, progress: progressSection(plans) });
      },
    };
  }

  async function look(): Promise<Seen> {
    looking ??= see().finally(() => {
      looking = undefined;
    });
    seen = await looking;
    return seen;
  }

  return {
    look,
    async page() {
      const { version, page: make } = seen ?? (await look());
      if (page?.version !== version) {
        const text = make();
        page = { version, text };
        text.catch(() => {
          page = undefined; // not to be kept: the next one who asks has it tried again
        });
      }
      return page.text;
    },
  };
}
