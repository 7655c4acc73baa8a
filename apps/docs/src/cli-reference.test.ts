import { expect, it } from 'vitest';
import { cliReference } from './cli-reference.js';
import { llmsText } from './llms.js';

it('the reference has every command with its flags and examples', () => {
  const run = {
    name: 'run',
    rawName: 'run [preset or file]',
    description: 'Train <all> models',
    options: [{ rawName: '--set <path=value>', description: 'Override a key: *.epochs' }],
    examples: ['  mixerzoo run quick', 'The same again resumes.'],
  };
  const doctor = { name: 'doctor', rawName: 'doctor', description: 'Say what is here', options: [], examples: [] };
  const cli = {
    commands: [run, doctor],
    globalCommand: { options: [{ rawName: '--json', description: 'Print JSON' }] },
  };
  const page = cliReference(cli);
  expect(page).toContain('| [`run`](#mixerzoo-run) | Train \\<all\\> models |');
  expect(page).toContain('| `--json` | Print JSON |');
  expect(page).toContain(
    [
      '## mixerzoo run\n\n`mixerzoo run [preset or file] [options]`\n\nTrain \\<all\\> models.',
      '| option |  |\n| --- | --- |\n| `--set <path=value>` | Override a key: \\*.epochs |',
      '```sh\nmixerzoo run quick\n```\n\nThe same again resumes.',
      '## mixerzoo doctor\n\n`mixerzoo doctor`\n\nSay what is here.',
    ].join('\n\n'),
  );
});

it('llms.txt has a line a page, by groups', () => {
  const text = llmsText([
    { text: 'Start', pages: [{ page: 'docs/a.md', title: 'A', summary: 'What it is.' }] },
    { text: 'Nothing', pages: [] },
    { text: 'Use', pages: [{ page: 'b/index.md', title: 'B', summary: '' }] },
  ]);
  expect(text).toMatch(/^# mixerzoo\n\n> A zoo/);
  expect(text).toContain('## Start\n\n- [A](docs/a.md): What it is.\n\n## Use\n\n- [B](b/index.md)\n');
});
