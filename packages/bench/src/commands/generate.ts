/** `mixerzoo generate`: a text that goes on from a prompt, as it comes. */
import { type EngineChoice, generateTokens, useEngine } from '@mixerzoo/core';
import { assertSeed } from '@mixerzoo/core/rng';
import { createTextStream, prefixToken } from '@mixerzoo/lm-eval';
import { openModel } from '../evaluation/open-model.js';
import { print, printJson, printPart } from '../terminal.js';
import { findPlugins } from './find-plugins.js';
import { parseCount, parseNumber } from './flags.js';

export interface GenerateFlags {
  readonly prompt?: readonly string[];
  readonly maxTokens?: readonly string[];
  readonly temperature?: readonly string[];
  readonly topK?: readonly string[];
  readonly topP?: readonly string[];
  readonly seed?: readonly string[];
  readonly config?: readonly string[];
  readonly engine?: readonly string[];
  readonly json?: boolean;
}

/** @returns the exit code. @throws InvalidConfigError, UnknownNameError, CheckpointError */
export async function generate(target: string, flags: GenerateFlags): Promise<number> {
  const prompt = flags.prompt?.at(-1) ?? '';
  const maxTokens = parseCount(flags, 'maxTokens') ?? 200;
  const topK = parseCount(flags, 'topK');
  const sampling = {
    temperature: parseNumber(flags, 'temperature', { words: 'a number from 0', fits: (value) => value >= 0 }) ?? 1,
    topP:
      parseNumber(flags, 'topP', {
        words: 'a number above 0 and at most 1',
        fits: (value) => value > 0 && value <= 1,
      }) ?? 1,
    ...(topK !== undefined && { topK }),
  };
  const seed = parseNumber(flags, 'seed') ?? 0;
  assertSeed('--seed', seed);
  const registry = await findPlugins(process.cwd());
  await useEngine(flags.engine?.at(-1) as EngineChoice | undefined);
  const open = await openModel(target, registry, flags.config?.at(-1));
  try {
    const tokenizer = await open.tokenizer();
    const encoded = Array.from(tokenizer.encode(prompt));
    const ids = encoded.length > 0 ? encoded : [prefixToken(tokenizer)];
    const stream = createTextStream(tokenizer);
    const begun = performance.now();
    let text = '';
    let tokens = 0;
    const write = (part: string) => {
      text += part;
      if (!flags.json) printPart(part);
    };
    if (!flags.json) printPart(prompt);
    const options = { ...sampling, maxTokens, seed, stop: [tokenizer.endOfText], vocabSize: tokenizer.vocabSize };
    for await (const token of generateTokens(open.model, open.params, ids, options)) {
      tokens += 1;
      write(stream.push(token));
    }
    write(stream.end());
    const seconds = (performance.now() - begun) / 1000;
    const ended = tokens < maxTokens ? 'end of text' : 'max tokens';
    if (flags.json) printJson({ prompt, text, tokens, ended, seconds });
    else {
      print('');
      print(`${tokens} tokens, ${(tokens / seconds).toFixed(1)} a second; ${ended}.`, process.stderr);
    }
    return 0;
  } finally {
    open.dispose();
  }
}
