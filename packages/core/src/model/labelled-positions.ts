/** Where a batch is scored, and the checks that keep a bad token from reaching a kernel. */
import { ShapeError } from '../errors.js';
import { type Examples, IGNORED_LABEL } from '../task.js';

/**
 * The labelled positions of a batch as indices into [B * L], in order, and the labels there.
 * @param where - of what the batch is, for messages.
 * @throws ShapeError if there is none, or a token or label lies outside of the vocabulary.
 */
export function labelledPositions(
  { inputs, labels, count, seqLen }: Examples,
  vocabSize: number,
  where: string,
): { positions: Int32Array; labels: Int32Array } {
  if (inputs.length !== count * seqLen || labels.length !== count * seqLen) {
    throw new ShapeError(
      `${where}: expected inputs and labels of ${count} x ${seqLen} tokens, got ${inputs.length} and ${labels.length}.`,
    );
  }
  const at = new Int32Array(labels.length);
  let found = 0;
  for (let index = 0; index < labels.length; index += 1) {
    const token = inputs[index] as number;
    const label = labels[index] as number;
    if (token < 0 || token >= vocabSize) throw outsideVocabulary(where, 'token', token, index, seqLen, vocabSize);
    if (label === IGNORED_LABEL) continue;
    if (label < 0 || label >= vocabSize) throw outsideVocabulary(where, 'label', label, index, seqLen, vocabSize);
    at[found] = index;
    found += 1;
  }
  if (found === 0) {
    throw new ShapeError(
      `${where}: expected a label at one position at least, got ${IGNORED_LABEL} (not scored) at all ${labels.length}. Check the task's labels.`,
    );
  }
  const positions = at.slice(0, found);
  return { positions, labels: positions.map((index) => labels[index] as number) };
}

function outsideVocabulary(
  where: string,
  what: string,
  value: number,
  index: number,
  seqLen: number,
  vocabSize: number,
): ShapeError {
  return new ShapeError(
    `${where}: expected every ${what} in [0, ${vocabSize}), got ${value} in example ${Math.floor(index / seqLen)} at position ${index % seqLen}. ` +
      "Give the model the task's vocabSize.",
  );
}
