/** Look inside: a sequence of tokens, what each model answers at one of them, and what it reads to come to it. */
import { useLayoutEffect, useRef, useState } from 'preact/hooks';
import type { Inspection } from '../messages.js';
import { kindOf, nameOf, parseTokens } from '../tokens.js';
import { Swatch } from './chart.js';
import { Reads } from './reads.js';
import type { Playground } from './use-playground.js';

export function Inspector({ playground }: { readonly playground: Playground }) {
  const { labels } = playground;
  const { all } = playground.trainings;
  const inspection = all.find((training) => training.inspection)?.inspection;
  const isWhole = labels.every((_, index) => all[index]?.inspection);
  const section = useRef<HTMLElement>(null);
  const height = useRef(0);
  useLayoutEffect(() => {
    if (isWhole) height.current = section.current?.offsetHeight ?? 0;
  }, [isWhole, labels.length]);
  return (
    // While models are set up, what stands below stays where it is: a button that moves under the pointer is not pressed.
    <section aria-labelledby="look-title" ref={section} style={isWhole ? {} : { minHeight: `${height.current}px` }}>
      <h2 id="look-title">Look inside</h2>
      {inspection ? (
        <Insides inspection={inspection} playground={playground} />
      ) : (
        <p class="muted">The models are being set up.</p>
      )}
    </section>
  );
}

function Insides({ inspection, playground }: { readonly inspection: Inspection; readonly playground: Playground }) {
  const { trainings, labels, update, state } = playground;
  const { all } = trainings;
  const vocabulary = all[0]?.started?.vocabulary ?? state.vocabulary;
  return (
    <>
      <p class="muted">
        Letters are keys, numbers are values. A key that comes again is to be answered with the value that stood behind
        it. Press a token to ask the models there; the arrow keys move along.
      </p>
      <Sequence inspection={inspection} vocabulary={vocabulary} onPick={(position) => update({ query: position })} />
      <Editor key={inspection.tokens.join()} inspection={inspection} vocabulary={vocabulary} playground={playground} />
      <div class="insides">
        {labels.map((label, index) => (
          <article key={label} class={`inside s${index}`} aria-label={label}>
            <h3>
              <Swatch index={index} /> {label}
            </h3>
            {all[index]?.inspection ? (
              <>
                <Answer inspection={all[index].inspection} vocabulary={vocabulary} query={inspection.query} />
                <Reads inspection={all[index].inspection} vocabulary={vocabulary} />
              </>
            ) : (
              <p class="muted">Being set up.</p>
            )}
          </article>
        ))}
      </div>
    </>
  );
}

function Sequence({
  inspection: { tokens, labels, query },
  vocabulary,
  onPick,
}: {
  readonly inspection: Inspection;
  readonly vocabulary: number;
  readonly onPick: (position: number) => void;
}) {
  const move = (event: KeyboardEvent) => {
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const next = Math.min(tokens.length - 1, Math.max(0, query + by));
    onPick(next);
    const row = (event.currentTarget as HTMLElement).querySelectorAll('button');
    row[next]?.focus();
  };
  return (
    <div class="tokens" role="toolbar" aria-label="The sequence" onKeyDown={move}>
      {tokens.map((token, position) => {
        const kind = kindOf(token, vocabulary);
        const name = nameOf(token, vocabulary);
        const asked = labels[position]! >= 0;
        const words = { key: `key ${name}`, value: `value ${name}`, filler: 'nothing' }[kind];
        return (
          <button
            type="button"
            key={position}
            class={`token ${kind}${asked ? ' asked' : ''}`}
            tabIndex={position === query ? 0 : -1}
            aria-pressed={position === query}
            aria-label={`Position ${position}: ${words}${asked ? `, to be answered with ${nameOf(labels[position]!, vocabulary)}` : ''}`}
            onClick={() => onPick(position)}
          >
            {name}
          </button>
        );
      })}
    </div>
  );
}

/** The sequence as text, to be written anew. */
function Editor({
  inspection,
  vocabulary,
  playground,
}: {
  readonly inspection: Inspection;
  readonly vocabulary: number;
  readonly playground: Playground;
}) {
  const written = inspection.tokens.map((token) => nameOf(token, vocabulary)).join(' ');
  const [text, setText] = useState(written);
  const [fault, setFault] = useState<string>();
  const { update, state } = playground;
  const submit = (event: Event) => {
    event.preventDefault();
    try {
      const tokens = parseTokens(text, vocabulary);
      if (tokens.length < 2 || tokens.length > 128) throw new Error(`Expected 2 to 128 tokens, got ${tokens.length}.`);
      setFault(undefined);
      update({ tokens, query: Math.min(state.query, tokens.length - 1) });
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  return (
    <form class="editor" onSubmit={submit}>
      <label>
        Write it anew
        <input
          type="text"
          value={text}
          spellcheck={false}
          autocomplete="off"
          aria-invalid={fault !== undefined}
          onInput={(event) => setText(event.currentTarget.value)}
        />
      </label>
      <button type="submit" disabled={text.trim() === written}>
        Ask
      </button>
      <button type="button" disabled={state.tokens.length === 0} onClick={() => update({ tokens: [], query: -1 })}>
        Back to the example
      </button>
      {fault !== undefined && (
        <p class="notice" role="alert">
          {fault}
        </p>
      )}
    </form>
  );
}

/** What a model answers at the query. */
function Answer({
  inspection,
  vocabulary,
  query,
}: {
  readonly inspection: Inspection;
  readonly vocabulary: number;
  readonly query: number;
}) {
  const { likeliest, labels, tokens } = inspection;
  const expected = labels[query]!;
  const asked = nameOf(tokens[query]!, vocabulary);
  const best = likeliest[0]!;
  const isRight = best.token === expected;
  return (
    <div class="answer">
      <p>
        After <b class={`token ${kindOf(tokens[query]!, vocabulary)}`}>{asked}</b> it answers{' '}
        <b class="token value">{nameOf(best.token, vocabulary)}</b>
        {expected >= 0 ? (
          <span class={isRight ? 'right' : 'wrong'}>
            {isRight ? '✓ right' : `✗ it was ${nameOf(expected, vocabulary)}`}
          </span>
        ) : (
          <span class="muted">nothing is asked here</span>
        )}
      </p>
      <ol class="likeliest" aria-label="Likeliest answers">
        {likeliest.slice(0, 3).map(({ token, probability }) => (
          <li key={token} style={{ '--part': probability.toFixed(3) }}>
            <span>{nameOf(token, vocabulary)}</span> <span>{(100 * probability).toFixed(0)} %</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
