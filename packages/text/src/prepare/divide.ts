/**
 * Which split a document is for. The last documents in order are for test, those before for validation, by a share of their
 * number. Where there are too few for that, as of a book in one file, the text itself is divided by a share of its bytes, at
 * the ends of lines; each piece is a document then. Where no line ends within a quarter of the smaller share, it is divided at
 * a space, and where no space comes within another, between characters.
 */
import { InvalidConfigError } from '@mixerzoo/core/errors';
import type { Split } from '@mixerzoo/core/task';
import type { DocumentPart } from '../readers/documents.js';

const SPLITS = ['train', 'validation', 'test'] as const;

/** Shares of the documents that are for validation and test; 0 where files are given for these. */
export interface Shares {
  readonly validation: number;
  readonly test: number;
}

/** What is divided, and where it was begun to be read. */
export interface Extent {
  readonly documents: number;
  readonly textBytes: number;
}

export interface DividedPart extends DocumentPart {
  readonly split: Split;
}

/** @throws InvalidConfigError for shares that leave nothing to train on. */
export function assertShares({ validation, test }: Shares): void {
  const fits = [validation, test].every((share) => share >= 0 && share < 1) && validation + test < 1;
  if (fits) return;
  throw new InvalidConfigError(
    `data: expected shares from 0 that sum to less than 1, got ${validation} for validation and ${test} for test.`,
  );
}

/** Whether there are documents enough to hold whole ones out. */
export function divideByDocuments({ documents }: Extent, { validation, test }: Shares): boolean {
  return [validation, test].every((share) => share === 0 || Math.round(documents * share) >= 1) && documents > 0;
}

/** The split of each document by its number, where {@link divideByDocuments}. */
export function splitOfDocument({ documents }: Extent, shares: Shares): (document: number) => Split {
  const test = documents - Math.round(documents * shares.test);
  const validation = test - Math.round(documents * shares.validation);
  return (document) => (document < validation ? 'train' : document < test ? 'validation' : 'test');
}

/** Puts parts, given in order, to splits, and leaves documents without text out. `before`: what was read before the first. */
export function createDivider(
  whole: Extent,
  shares: Shares,
  before: Extent,
): (part: DocumentPart) => Generator<DividedPart> {
  return divideByDocuments(whole, shares)
    ? divideDocuments(splitOfDocument(whole, shares), before.documents)
    : divideText(whole, shares, before.textBytes);
}

function divideDocuments(splitOf: (document: number) => Split, before: number) {
  let document = before - 1;
  let begins = false;
  return function* ({ text, begins: first }: DocumentPart): Generator<DividedPart> {
    begins ||= first;
    if (text === '') return;
    if (begins) document++;
    yield { split: splitOf(document), text, begins };
    begins = false;
  };
}

function divideText({ textBytes }: Extent, { validation, test }: Shares, before: number) {
  const ends = [textBytes * (1 - validation - test), textBytes * (1 - test), Number.POSITIVE_INFINITY];
  const patience = (textBytes * Math.min(validation || test, test || validation)) / 4;
  let stage = 0;
  let position = before;
  let begins = false;
  const advance = () => {
    while (position >= ends[stage]!) stage++;
  };

  /** The bytes up to where a split ends: after a line, else after a space, else anywhere between characters; infinite if not here. */
  function lengthToCut(rest: Buffer): number {
    const [line, space, any] = [0, 1, 2].map((times) =>
      Math.max(0, Math.ceil(ends[stage]! + times * patience - position) - 1),
    ) as [number, number, number];
    let last = any;
    while ((rest[last + 1]! & 0xc0) === 0x80) last++;
    const found = [rest.indexOf(0x0a, line), rest.indexOf(0x20, space), last];
    return Math.min(...found.map((at) => (at >= 0 && at < rest.length ? at + 1 : Number.POSITIVE_INFINITY)));
  }

  return function* (part: DocumentPart): Generator<DividedPart> {
    begins ||= part.begins;
    if (part.begins) advance();
    for (let rest = Buffer.from(part.text); rest.length > 0; ) {
      const length = ends[stage] === Number.POSITIVE_INFINITY ? Number.POSITIVE_INFINITY : lengthToCut(rest);
      const taken = rest.subarray(0, length);
      yield { split: SPLITS[stage]!, text: taken.toString(), begins };
      begins = length <= rest.length;
      position += taken.length;
      if (begins) advance();
      rest = rest.subarray(taken.length);
    }
  };
}
