/** The story: six short steps, each with a set-up of the page. */
import { DEFAULT_STATE, type ModelChoice, type PageState } from './state.js';

export interface StoryStep {
  readonly title: string;
  /** Paragraphs. */
  readonly text: readonly string[];
  /** What to look for on the page. */
  readonly look: string;
  /** What it trains, in place of the defaults. */
  readonly set: Partial<PageState>;
}

const model = (id: string, layers = 1, filter: ModelChoice['filter'] = 'own'): ModelChoice => ({
  id,
  layers,
  filter,
  taps: 3,
});

export const STORY: readonly StoryStep[] = [
  {
    title: 'Two tokens make a pair',
    text: [
      'The sequence begins with pairs: a key, a letter here, and right behind it its value, a number. Then every key comes once more, and the model is to say its value.',
      'To answer, it has to find the earlier key and give what stood one token further on. No pair is ever the same twice, so nothing can be learned by heart: it must read.',
    ],
    look: 'In “Look inside”, press a key that comes again. CAT reads the value behind the same letter.',
    set: { models: [model('cat')] },
  },
  {
    title: 'One layer of attention cannot see neighbours',
    text: [
      'Attention compares the key that is asked with every token before it. It finds the same letter, but the answer stands in the next token, and a value says nothing of the key in front of it.',
      'So it can only tell values from keys and guess among them: with four pairs one answer in four is right. More training does not help.',
    ],
    look: 'Its accuracy stays at the dashed line of a guess. Its weights fall on all values alike.',
    set: { models: [model('attention')] },
  },
  {
    title: 'A filter of three taps on the keys',
    text: [
      'Now every token’s key is a mix of three: its own and those of the two tokens before. The mix is learned, three numbers in all. A value then carries the letter in front of it, and attention can find it.',
      'This is CAT, attention with a short convolution. The same layer with three numbers more learns in a hundred steps what it could not before.',
    ],
    look: 'Watch the filter of the keys form: the tap one token back grows, and recall appears.',
    set: { models: [model('attention'), model('attention', 1, 'keys')] },
  },
  {
    title: 'Eight times as long',
    text: [
      'Two layers of attention with positions can learn the task too: the first looks at the place before, the second compares. But places beyond the training length were never trained.',
      'A filter knows no places, only neighbours. What CAT learned at 8 tokens still holds at 64, with eight times as many pairs.',
    ],
    look: 'The third chart: in the end both know the training length, and only one of them stays up.',
    set: { models: [model('attention-positions', 2), model('cat')], pairs: 2, length: 8, vocabulary: 40 },
  },
  {
    title: 'A fixed state forgets',
    text: [
      'Attention keeps every token. A linear mixer keeps one matrix, whatever the length, and adds each pair to it: cheap, but full some time. LinCAT has CAT’s filter and such a state.',
      'With few pairs it answers as well. With more of them than its small state can tell apart, they blur.',
    ],
    look: 'The third chart at 64 and 128 tokens; and in “Look inside” how far each token moves the state.',
    set: { models: [model('cat'), model('lin-cat')] },
  },
  {
    title: 'Landmarks',
    text: [
      'To read everything at every token is dear when the text is long. Landmark CAT divides it into blocks, compares the query with one landmark of each, and reads only the block it chooses, and its own.',
      'One long filter sums up a block in its landmark. What a block holds then decides whether it is found; with more blocks to tell apart, it is missed a little more often.',
    ],
    look: 'In “Look inside” its weights lie in the chosen block and in the query’s own, and nowhere else.',
    set: { models: [model('cat'), model('landmark')] },
  },
];

/** The page as a step sets it up. */
export function storyState(step: number): PageState {
  const { set } = STORY[step - 1]!;
  return { ...DEFAULT_STATE, ...set, story: step };
}
