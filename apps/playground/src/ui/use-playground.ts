/** The page's state, kept in the address, and the trainings that follow it. */
import { useCallback, useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { experimentOf, labelsOf } from '../experiment.js';
import type { RunSource } from '../messages.js';
import type { OpenedRun } from '../open-run.js';
import { formatState, type PageState, parseState } from '../state.js';
import { createTrainings } from '../trainings.js';

/** Changes are drawn at most so often: training is no reason to keep the page busy. */
const DRAW_EVERY_MS = 100;

/** What of the state makes another training: the rest is looked at alone. */
const trained = ({ story: _, tokens: __, query: ___, ...rest }: PageState) => JSON.stringify(rest);

export function usePlayground() {
  const [state, setState] = useState<PageState>(() => parseState(location.hash, report));
  const [opened, setOpened] = useState<readonly OpenedRun[]>([]);
  const [fault, setFault] = useState<string | undefined>(faults.shift());
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
    const follow = () => setState(parseState(location.hash, setFault));
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
    reset: () => trainings.start(sources, state.engine, true),
  };
}

/** Of the link with which the page was opened. */
const faults: string[] = [];
const report = (message: string) => faults.push(message);

export type Playground = ReturnType<typeof usePlayground>;
