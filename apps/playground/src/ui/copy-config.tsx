/** Taking a set-up elsewhere and back: links, configs of `mixerzoo run`, weights, and runs that the command has made. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { configText, parseConfig } from '../config-text.js';
import { experimentOf, stateOf } from '../experiment.js';
import { droppedFiles, type NamedFile, openExperiment, openFiles } from '../open-run.js';
import { DEFAULT_STATE } from '../state.js';
import type { Playground } from './use-playground.js';

export function CopyConfig({ playground }: { readonly playground: Playground }) {
  const { state, update, labels, trainings, open, opened } = playground;
  const [said, say] = useState('');
  const [text, setText] = useState('');
  const [isDragging, setDragging] = useState(false);
  const input = useRef<HTMLInputElement>(null);

  const copy = async (what: string, value: string) => {
    try {
      await navigator.clipboard.writeText(value);
      say(`${what} is in the clipboard.`);
    } catch {
      setText(value);
      say(`${what} could not be put into the clipboard: it stands below.`);
    }
  };
  const read = async (config: string) => {
    const experiment = await parseConfig(config);
    const own = stateOf(experiment);
    open(own ? [] : openExperiment(experiment));
    if (own) update({ ...DEFAULT_STATE, ...own });
    say('The config is set up.');
  };
  const openAll = async (files: readonly NamedFile[]) => {
    try {
      const found = await openFiles(files);
      if ('config' in found) return await read(found.config);
      open(found.runs);
      say(`Opened: ${found.runs.map(({ label }) => label).join(', ')}.`);
    } catch (error) {
      say((error as Error).message);
    }
  };
  const save = async (index: number) => {
    try {
      const file = await trainings.exportWeights(index);
      download(`${labels[index]!.replaceAll(/[^\p{L}\p{N}]+/gu, '-').toLowerCase()}.safetensors`, file);
      say(`The weights of ${labels[index]} are saved.`);
    } catch (error) {
      say((error as Error).message);
    }
  };

  const latest = useRef(openAll);
  latest.current = openAll;
  useEffect(() => {
    const over = (event: DragEvent) => {
      event.preventDefault();
      setDragging(true);
    };
    const leave = (event: DragEvent) => {
      if (event.relatedTarget === null) setDragging(false);
    };
    const drop = async (event: DragEvent) => {
      event.preventDefault();
      setDragging(false);
      if (event.dataTransfer) await latest.current(await droppedFiles(event.dataTransfer));
    };
    addEventListener('dragover', over);
    addEventListener('dragleave', leave);
    addEventListener('drop', drop);
    return () => {
      removeEventListener('dragover', over);
      removeEventListener('dragleave', leave);
      removeEventListener('drop', drop);
    };
  }, []);

  return (
    <section aria-labelledby="take-title" class={isDragging ? 'dragging' : ''}>
      <h2 id="take-title">Take it with you</h2>
      <p class="muted">
        The address of this page holds its whole set-up. <code>mixerzoo run playground.yaml</code> trains the same from
        the config, with the same numbers. Drop a run's folder anywhere on this page to look into it.
      </p>
      <div class="buttons wrap">
        <button type="button" onClick={() => copy('The link', location.href)}>
          Copy link
        </button>
        <button
          type="button"
          disabled={opened.length > 0}
          onClick={async () => copy('The config', await configText(experimentOf(state)))}
        >
          Copy as config
        </button>
        {labels.map((label, index) => (
          <button type="button" key={label} onClick={() => save(index)}>
            Save weights: {label}
          </button>
        ))}
        <button type="button" onClick={() => input.current?.click()}>
          Open a run or weights
        </button>
        <input
          ref={input}
          type="file"
          multiple
          hidden
          data-open
          onChange={async (event) => {
            const { files } = event.currentTarget;
            await openAll([...(files ?? [])].map((file) => ({ path: file.webkitRelativePath || file.name, file })));
            if (input.current) input.current.value = '';
          }}
        />
      </div>
      <details class="paste">
        <summary>Paste a config</summary>
        <textarea
          aria-label="A config in YAML"
          rows={8}
          spellcheck={false}
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
        />
        <button
          type="button"
          disabled={text.trim() === ''}
          onClick={() => read(text).catch((error: Error) => say(error.message))}
        >
          Set up
        </button>
      </details>
      <p class="said" role="status">
        {said}
      </p>
    </section>
  );
}

function download(name: string, file: Uint8Array): void {
  const url = URL.createObjectURL(new Blob([file as Uint8Array<ArrayBuffer>]));
  const link = Object.assign(document.createElement('a'), { href: url, download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
