/** The page's state, kept in the address, and the trainings that follow it. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { experimentOf, labelsOf } from '../experiment.js';
import type { RunSource } from '../messages.js';
import type { OpenedRun } from '../open-run.js';
import { formatState, type PageState, parseState } from '../state.js';
import { storyState } from '../story.js';
import { createTrainings } from '../trainings.js';

/** Changes are drawn at most so often: training is no reason to keep the page busy. */
const DRAW_EVERY_MS = 100;

/** What of the state makes another training: the rest is looked at alone. */
const trained = ({ story: _, tokens: __, query: ___, ...rest }: PageState) => JSON.stringify(rest);

/** What the address says, and all that is wrong with it. */
function readLink(): { state: PageState; fault: string | undefined } {
  const faults: string[] = [];
  const state = parseState(location.hash, (fault) => faults.push(fault));
  return { state, fault: faults.length === 0 ? undefined : faults.join(' ') };
}

export function usePlayground() {
  const first = useMemo(readLink, []);
  const [state, setState] = useState<PageState>(first.state);
  const [opened, setOpened] = useState<readonly OpenedRun[]>([]);
  const [fault, setFault] = useState<string | undefined>(first.fault);
  const [, redraw] = useState(0);
  const drawing = useRef(false);

  const trainings = useMemo(
    () =>
      createTrainings(
        () => new Worker(new URL('../worker/worker.ts', import.meta.url), { type: 'module' }),
        () => {
          if (drawing.current) return;
          drawing.current = true;
          setTimeout(() => {
            drawing.current = false;
            redraw((count) => count + 1);
          }, DRAW_EVERY_MS);
        },
      ),
    [],
  );

  const update = useCallback((change: Partial<PageState>) => setState((before) => ({ ...before, ...change })), []);

  const sources = useMemo(
    (): RunSource[] =>
      opened.length > 0
        ? opened.map(({ source }) => source)
        : labelsOf(state.models).map((label) => ({ kind: 'experiment', experiment: experimentOf(state), label })),
    [trained(state), opened],
  );

  useEffect(() => trainings.start(sources, state.engine, true), [sources, state.engine]);
  useEffect(() => {
    trainings.inspect({ tokens: state.tokens, example: 0, query: state.query });
  }, [state.tokens, state.query, sources]);

  useEffect(() => {
    const hash = formatState(state);
    if (hash !== location.hash.slice(1))
      history.replaceState(null, '', hash === '' ? location.pathname + location.search : `#${hash}`);
  }, [state]);
  useEffect(() => {
    const follow = () => {
      const link = readLink();
      setState(link.state);
      setFault(link.fault);
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);

  return {
    state,
    update,
    labels: opened.length > 0 ? opened.map(({ label }) => label) : labelsOf(state.models),
    trainings,
    fault,
    setFault,
    opened,
    /** Shows runs from elsewhere in place of the page's own; none: its own again. */
    open: setOpened,
    /** Sets the page up for a step of the story. */
    tell(step: number) {
      setOpened([]);
      update(storyState(step));
    },
    reset: () => trainings.start(sources, state.engine, true),
  };
}

export type Playground = ReturnType<typeof usePlayground>;
