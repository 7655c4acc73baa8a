/** What has become of the runs of a plan, from their directories: nothing is asked of the processes that work on them. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { max, sum } from 'simple-statistics';
import { readMetrics } from '../runs/history.js';
import { createLeaseWatch, type LeaseWatch } from '../runs/lease.js';
import { readResult, readRun } from '../runs/read-results.js';
import { CONFIG, readRecord } from '../runs/records.js';
import type { RunDone } from '../runs/results.js';
import { type Trial, unneededRuns } from '../runs/search.js';
import type { OnFault } from '../runs/tell-fault.js';
import { type Plan, type PlanEntry, readPlan } from './plan.js';

/** How a run stands. */
export type RunStatus = { readonly name: string; readonly directory: string } & (
  | { readonly state: 'done'; readonly seconds: number }
  | {
      readonly state: 'running';
      /** `process 12 on a-host`. */
      readonly owner: string;
      /** ISO 8601, by the owner's clock. */
      readonly since: string | undefined;
      /** Seconds since the lease was last renewed, by this machine's clock against the file system's. */
      readonly heartbeatSeconds: number;
      readonly step: number;
      readonly steps: number;
    }
  | { readonly state: 'failed'; readonly message: string }
  /** Not begun, or begun and left behind: the next command takes it up. */
  | { readonly state: 'waiting'; readonly step: number; readonly steps: number }
  /** Left out by a search, or not needed since another learning rate is good enough. */
  | { readonly state: 'unneeded'; readonly message: string }
);

/** What has become of a plan. */
export interface PlanStatus {
  readonly place: string;
  readonly command: string;
  readonly runs: readonly RunStatus[];
  /** Seconds that the rest takes those who are at it now; undefined where nobody is, or nothing tells. */
  readonly secondsLeft: number | undefined;
}

/** The plans in a directory and one level below it, with what has become of them. */
export async function readStatus(directory: string, onFault: OnFault): Promise<PlanStatus[]> {
  const entries = await readdir(directory, { withFileTypes: true });
  const below = entries.filter((entry) => entry.isDirectory() && !entry.name.startsWith('.')).map(({ name }) => name);
  const watch = createLeaseWatch();
  const found: PlanStatus[] = [];
  for (const name of ['', ...below.sort()]) {
    const place = join(directory, name);
    const plan = await readPlan(place);
    if (plan) found.push(await statusOf(place, plan, watch, onFault));
  }
  return found;
}

async function statusOf(place: string, plan: Plan, watch: LeaseWatch, onFault: OnFault): Promise<PlanStatus> {
  const statuses = new Map<PlanEntry, RunStatus>();
  const done = new Map<PlanEntry, RunDone>();
  const looks = await Promise.all(plan.runs.map((entry) => look(entry, watch, onFault)));
  for (const [index, entry] of plan.runs.entries()) {
    const { status, result } = looks[index]!;
    statuses.set(entry, status);
    if (result) done.set(entry, result);
  }
  const open = plan.runs.filter((entry) => statuses.get(entry)!.state === 'waiting');
  const groups = new Map<number, PlanEntry[]>();
  for (const entry of plan.runs) {
    const group = groups.get(entry.group);
    if (group) group.push(entry);
    else groups.set(entry.group, [entry]);
  }
  for (const group of new Set(open.map((entry) => entry.group))) {
    const members = groups.get(group)!;
    if (members.length === 1) continue;
    for (const [entry, message] of await unneeded(members, done, onFault)) {
      const { name, directory } = entry;
      if (statuses.get(entry)!.state === 'waiting')
        statuses.set(entry, { name, directory, state: 'unneeded', message });
    }
  }
  const runs = plan.runs.map((entry) => statuses.get(entry)!);
  return { place, command: plan.command, runs, secondsLeft: secondsLeft(plan.runs, statuses, done) };
}

async function look(
  { name, directory, id, steps }: PlanEntry,
  watch: LeaseWatch,
  onFault: OnFault,
): Promise<{ readonly status: RunStatus; readonly result?: RunDone }> {
  const result = await readResult(directory, id, onFault);
  if (result?.status === 'done') {
    return { status: { name, directory, state: 'done', seconds: result.totalSeconds }, result };
  }
  const sight = watch.look(directory);
  if (!sight && result) return { status: { name, directory, state: 'failed', message: result.message } };
  const last = (await readMetrics(directory, id, onFault)).at(-1);
  const at = { name, directory, step: last?.step ?? 0, steps };
  if (!sight) return { status: { ...at, state: 'waiting' } };
  const { owner, since, renewedMs } = sight;
  const heartbeatSeconds = Math.max(0, (Date.now() - renewedMs) / 1000);
  return { status: { ...at, state: 'running', owner, since, heartbeatSeconds } };
}

/** Why runs of a group will not be trained, by what is known of the others. */
async function unneeded(
  members: readonly PlanEntry[],
  done: ReadonlyMap<PlanEntry, RunDone>,
  onFault: OnFault,
): Promise<Map<PlanEntry, string>> {
  const configs = await Promise.all(
    members.map(({ directory, id }) => readRecord(CONFIG, directory, id).catch(() => undefined)),
  );
  const known = configs.find((config) => config !== undefined);
  if (!known) return new Map();
  const trials = await Promise.all(
    members.map(async (entry): Promise<Trial & { readonly entry: PlanEntry }> => {
      const { directory, id, learningRate, seed } = entry;
      const read = known.search ? await readRun(directory, onFault, id) : { epochs: [], result: done.get(entry) };
      return { ...read, entry, config: { ...known, id, learningRate, seed } };
    }),
  );
  return new Map([...unneededRuns(trials)].map(([{ entry }, message]) => [entry, message]));
}

/** A run takes what its model took elsewhere for each FLOP, or what all took. */
function secondsLeft(
  entries: readonly PlanEntry[],
  statuses: ReadonlyMap<PlanEntry, RunStatus>,
  done: ReadonlyMap<PlanEntry, RunDone>,
): number | undefined {
  const running = entries.filter((entry) => statuses.get(entry)!.state === 'running');
  const waiting = entries.filter((entry) => statuses.get(entry)!.state === 'waiting');
  if (running.length === 0 || done.size === 0) return undefined;
  const secondsPerFlop = (of: readonly PlanEntry[]) =>
    sum(of.map((entry) => done.get(entry)!.totalSeconds)) / sum(of.map(({ flops }) => flops));
  const finished = [...done.keys()];
  const ofAll = secondsPerFlop(finished);
  const labels = [...new Set(finished.map(({ label }) => label))];
  const ofModel = new Map(
    labels.map((label) => [label, secondsPerFlop(finished.filter((entry) => entry.label === label))]),
  );
  const left = [...running, ...waiting].map((entry) => {
    const status = statuses.get(entry)! as Extract<RunStatus, { readonly step: number }>;
    const share = 1 - Math.min(1, status.step / status.steps);
    return share * entry.flops * (ofModel.get(entry.label) ?? ofAll);
  });
  return Math.max(max(left), sum(left) / running.length);
}
