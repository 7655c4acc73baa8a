/** A worker: one engine, and on it one training at a time. */
import { isZooError, useEngine } from '@mixerzoo/core';
import wasmUrl from '@tensorflow/tfjs-backend-wasm/dist/tfjs-backend-wasm-simd.wasm?url';
import type { EngineName, FromWorker, ToWorker } from '../messages.js';
import { inspect } from './inspect.js';
import { type Session, startSession, type Work } from './session.js';
import { writeWeights } from './weights.js';

let session: Session | undefined;
/** Trainings begin one after the other, in the order in which they were asked for. */
let starting: Promise<void> = Promise.resolve();
let latest = 0;
/** Of the training before: its tensors are freed. */
let ended: Promise<void> = Promise.resolve();
let running = false;
/** What was asked while the training was being set up. */
let early: Work[] = [];

const tell = (message: FromWorker) => {
  const transfer = message.kind === 'exported' ? [message.file.buffer as ArrayBuffer] : [];
  postMessage(message, { transfer });
};

self.onmessage = ({ data }: MessageEvent<ToWorker>) => {
  if (data.kind === 'start') {
    latest = data.run;
    running = data.running;
    early = [];
    session?.dispose();
    session = undefined;
    starting = starting
      .then(() => start(data))
      .catch((error: unknown) => {
        tell({ kind: 'failed', run: data.run, message: isZooError(error) ? error.message : String(error) });
      });
    return;
  }
  if (data.kind === 'go') {
    running = data.running;
    session?.go(data.running);
    return;
  }
  if (data.kind === 'step') {
    session?.step();
    return;
  }
  const { id } = data;
  const run = latest;
  const question = data.kind === 'inspect' ? data.question : undefined;
  const work: Work = async ({ plan, params, trainer }) => {
    if (question) {
      const inspection = await inspect(plan, params, question);
      tell({ kind: 'inspected', run, id, inspection: { ...inspection, step: trainer.step } });
    } else {
      const file = await writeWeights(params, { format: 'mixerzoo-playground', config: JSON.stringify(plan.config) });
      tell({ kind: 'exported', run, id, file });
    }
  };
  if (session) session.ask(work);
  else early.push(work);
};

/** Why webgpu is not in use where it was asked for: wasm is then. */
let opening: Promise<string | undefined> | undefined;

/** Starts this worker's engine. */
async function openEngine(name: EngineName): Promise<string | undefined> {
  const wasm = () => useEngine('wasm', { wasmUrl: new URL(wasmUrl, import.meta.url) });
  if (name === 'wasm') {
    await wasm();
    return undefined;
  }
  try {
    await useEngine(name);
    return undefined;
  } catch (error) {
    if (!isZooError(error, 'engine')) throw error;
    await wasm();
    return error.message;
  }
}

async function start({ run, source, engine }: ToWorker & { kind: 'start' }): Promise<void> {
  await ended;
  if (run !== latest) return;
  opening ??= openEngine(engine);
  const passedOver = await opening;
  const next = await startSession(run, source, running, tell, passedOver);
  ended = next.ended;
  if (run !== latest) {
    next.dispose();
    return;
  }
  session = next;
  next.go(running);
  for (const work of early.splice(0)) next.ask(work);
}
