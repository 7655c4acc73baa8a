/**
 * Where the time of a training step goes: the least over steps of what `step-recorder.ts` records, and its table. The least,
 * since whatever else the machine does only adds to a time.
 */
import { useEngine } from '@mixerzoo/core';
import { min, sum } from 'simple-statistics';
import { createCaseTrainer, type StepCase } from './step-case.js';
import { createStepRecorder, type OpRecord, PHASES, type Phase, type StepRecord } from './step-recorder.js';

const WARM_UP = 5;
/** Kernels that compute nothing. */
const MOVERS = ['Concat', 'GatherV2', 'Pack', 'PadV2', 'Slice', 'StridedSlice', 'Tile', 'Transpose', 'Unpack'];

/** A step of a case; times in milliseconds. */
export interface StepProfile extends StepCase {
  readonly description: string;
  readonly record: StepRecord;
}

/** Trains in this process, which must have no engine yet. */
export async function profileStep(one: StepCase & { readonly steps: number }): Promise<StepProfile> {
  const recorder = createStepRecorder();
  const { description } = await useEngine('wasm');
  const trainer = await createCaseTrainer(one, one.steps + WARM_UP);
  const records: StepRecord[] = [];
  recorder.start();
  await trainer.runEpoch({
    onStep({ step }) {
      const record = recorder.endStep();
      if (step > WARM_UP) records.push(record);
    },
  });
  trainer.dispose();
  return { ...one, description, record: leastOf(records) };
}

/** Every time the least over the steps; all else is equal in all of them, and that of the last. */
function leastOf(records: readonly StepRecord[]): StepRecord {
  const last = records.at(-1) as StepRecord;
  const phases = (get: (record: StepRecord) => Record<Phase, number>) =>
    Object.fromEntries(PHASES.map((phase) => [phase, min(records.map((record) => get(record)[phase]))])) as Record<
      Phase,
      number
    >;
  const ops = last.ops.map((op): OpRecord => {
    const same = records.flatMap(({ ops }) => ops.filter(({ phase, name }) => phase === op.phase && name === op.name));
    const least = (get: (op: OpRecord) => number) => min(same.map(get));
    return {
      ...op,
      milliseconds: least(({ milliseconds }) => milliseconds),
      inModules: least(({ inModules }) => inModules),
    };
  });
  return {
    ...last,
    ops,
    dispatchMilliseconds: phases(({ dispatchMilliseconds }) => dispatchMilliseconds),
    besideMilliseconds: phases(({ besideMilliseconds }) => besideMilliseconds),
  };
}

/** All cases in one table, and a table per case. */
export function profileMarkdown(profiles: readonly StepProfile[]): string {
  const [first] = profiles;
  return [
    '# Where a training step goes',
    '',
    `${first?.description}. Milliseconds, of each cell the least over the steps; ops that take less than 0.005 ms are left out.`,
    '',
    ...overview(profiles),
    ...profiles.flatMap(table),
  ].join('\n');
}

/** A step in all, op by op and beside the ops, the longest first. */
function sumUp({ ops, dispatchMilliseconds, besideMilliseconds }: StepRecord) {
  const names = [...new Set(ops.map(({ name }) => name))].map((name) => {
    const same = ops.filter((op) => op.name === name);
    return { name: name.replace(/^mixerzoo\./, ''), same, own: sum(same.map((op) => op.milliseconds)) };
  });
  names.sort((a, b) => b.own - a.own);
  const inOps = (phase: Phase) => sum([0, ...ops.filter((op) => op.phase === phase).map((op) => op.milliseconds)]);
  const inAll = (phase: Phase) => inOps(phase) + dispatchMilliseconds[phase] + besideMilliseconds[phase];
  const total = sum(PHASES.map(inAll));
  return { names, inAll, total, share: (part: number) => `${((100 * part) / total).toFixed(1)} %` };
}

const LARGEST = 4;

function overview(profiles: readonly StepProfile[]): string[] {
  const lines = profiles.map(({ mixer, vocabSize, seqLen, dModel, record }) => {
    const { names, total, share } = sumUp(record);
    const largest = names.slice(0, LARGEST).map(({ name, own }) => `${name} ${share(own)}`);
    return row(
      mixer,
      thousands(vocabSize),
      seqLen,
      dModel,
      total.toFixed(1),
      largest.join(', '),
      share(sum(Object.values(record.dispatchMilliseconds))),
      share(sum(Object.values(record.besideMilliseconds))),
      thousands(Math.round(record.allocatedBytes / 2 ** 20)),
      record.tensors,
      record.tapeNodes,
    );
  });
  return [
    row(
      'mixer',
      'V',
      'L',
      'd',
      'ms',
      'most of it',
      'dispatch, tape',
      'JavaScript beside',
      'MiB allocated',
      'tensors',
      'on the tape',
    ),
    row('---', '---:', '---:', '---:', '---:', '---', '---:', '---:', '---:', '---:', '---:'),
    ...lines,
    '',
  ];
}

function table({ mixer, vocabSize, seqLen, dModel, batchSize, record }: StepProfile): string[] {
  const { ops, dispatchMilliseconds, besideMilliseconds } = record;
  const { names, inAll, total, share } = sumUp(record);
  const perPhase = (get: (phase: Phase) => number) => PHASES.map((phase) => decimal(get(phase)));
  const all = (get: (phase: Phase) => number) => sum(PHASES.map(get));
  return [
    `## ${mixer}, V ${thousands(vocabSize)}, L ${seqLen}, d ${dModel}, batch ${batchSize}`,
    '',
    row('op', 'calls', ...PHASES, 'share', 'in our modules', 'allocated, KiB'),
    row('---', '---:', ...PHASES.map(() => '---:'), '---:', '---:', '---:'),
    ...names
      .filter(({ own }) => own >= 0.005)
      .map(({ name, same, own }) =>
        row(
          name,
          sum(same.map(({ calls }) => calls)),
          ...perPhase((phase) => sum([0, ...same.filter((op) => op.phase === phase).map((op) => op.milliseconds)])),
          share(own),
          decimal(sum(same.map(({ inModules }) => inModules))),
          thousands(Math.round(sum(same.map(({ allocatedBytes }) => allocatedBytes)) / 1024)),
        ),
      ),
    row(
      'dispatch and tape',
      '',
      ...perPhase((p) => dispatchMilliseconds[p]),
      share(all((p) => dispatchMilliseconds[p])),
      '',
      '',
    ),
    row(
      'JavaScript beside',
      '',
      ...perPhase((p) => besideMilliseconds[p]),
      share(all((p) => besideMilliseconds[p])),
      '',
      '',
    ),
    row(
      '**all**',
      sum(ops.map(({ calls }) => calls)),
      ...perPhase(inAll),
      decimal(total),
      '',
      thousands(Math.round(record.allocatedBytes / 1024)),
    ),
    '',
    `${record.tapeNodes} ops on the tape, ${record.tensors} tensors made, ${record.allocations} allocations; copied: ${kibibytes(record.copiedIn)} onto the heap, ` +
      `${kibibytes(record.copiedOut)} off it, ${kibibytes(sum([0, ...ops.filter(({ name }) => MOVERS.includes(name)).map(({ allocatedBytes }) => allocatedBytes)]))} by ops that only move.`,
    '',
  ];
}

const row = (...cells: (string | number)[]) => `| ${cells.join(' | ')} |`;
const decimal = (value: number) => (Math.abs(value) < 0.005 ? '' : value.toFixed(2));
const thousands = (value: number) => value.toLocaleString('en');
const kibibytes = (bytes: number) => `${thousands(Math.round(bytes / 1024))} KiB`;
