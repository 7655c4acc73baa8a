import { Controls } from './controls.js';
import { CopyConfig } from './copy-config.js';
import { Inspector } from './inspector.js';
import { Story } from './story.js';
import { Trainers } from './trainers.js';
import { usePlayground } from './use-playground.js';

export function App() {
  const playground = usePlayground();
  const { state, fault, setFault } = playground;
  return (
    <main>
      <header class="top">
        <div>
          <p class="eyebrow">mixerzoo playground</p>
          <h1>Which mixer remembers what it has read?</h1>
          <p class="lead">
            Models are shown pairs of a key and a value, then asked for each key again. They train here, in your
            browser: real ones, from random weights. Watch who learns it, and look at what each of them reads.
          </p>
        </div>
        {state.story === 0 && (
          <button type="button" class="primary" onClick={() => playground.tell(1)}>
            Read the story
          </button>
        )}
      </header>
      {fault !== undefined && (
        <p class="notice" role="alert">
          {fault}{' '}
          <button type="button" onClick={() => setFault(undefined)}>
            Close
          </button>
        </p>
      )}
      <Story playground={playground} />
      <Trainers playground={playground} />
      <Controls playground={playground} />
      <Inspector playground={playground} />
      <CopyConfig playground={playground} />
      <footer>
        <p>
          The mixers are those of the packages, on their WebAssembly kernels; the numbers are those that{' '}
          <code>mixerzoo run</code> gives for the same config. Nothing leaves your browser.
        </p>
      </footer>
    </main>
  );
}
