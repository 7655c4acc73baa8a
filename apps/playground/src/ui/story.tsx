/** The story beside the page that it sets up. */
import { useEffect, useRef } from 'preact/hooks';
import { DEFAULT_STATE } from '../state.js';
import { STORY } from '../story.js';
import type { Playground } from './use-playground.js';

export function Story({ playground }: { readonly playground: Playground }) {
  const { state, update, tell } = playground;
  const heading = useRef<HTMLHeadingElement>(null);
  const before = useRef(state.story);
  useEffect(() => {
    if (before.current !== state.story && state.story > 0) heading.current?.focus();
    before.current = state.story;
  }, [state.story]);
  if (state.story === 0) return null;
  const { title, text, look } = STORY[state.story - 1]!;
  return (
    <section class="story" aria-labelledby="story-title">
      <p class="eyebrow">
        Step {state.story} of {STORY.length}
      </p>
      <h2 id="story-title" tabIndex={-1} ref={heading}>
        {title}
      </h2>
      {text.map((paragraph) => (
        <p key={paragraph}>{paragraph}</p>
      ))}
      <p class="look">{look}</p>
      <div class="bar">
        <nav class="dots" aria-label="Steps of the story">
          {STORY.map((step, index) => (
            <button
              type="button"
              key={step.title}
              aria-label={`Step ${index + 1}: ${step.title}`}
              aria-current={index + 1 === state.story ? 'step' : undefined}
              onClick={() => tell(index + 1)}
            >
              {index + 1}
            </button>
          ))}
        </nav>
        <div class="buttons">
          <button type="button" disabled={state.story === 1} onClick={() => tell(state.story - 1)}>
            Back
          </button>
          {state.story < STORY.length ? (
            <button type="button" class="primary" onClick={() => tell(state.story + 1)}>
              Next
            </button>
          ) : (
            <button type="button" class="primary" onClick={() => update({ story: 0 })}>
              Try it yourself
            </button>
          )}
          {state.story < STORY.length && (
            <button type="button" class="quiet" onClick={() => update({ ...DEFAULT_STATE })}>
              Leave the story
            </button>
          )}
        </div>
      </div>
    </section>
  );
}
