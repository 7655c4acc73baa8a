import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';

it('loads no engine: tasks are for programs without tensors too', () => {
  // TensorFlow.js puts its engine on the global object when it is loaded.
  const program = "await import('@mixerzoo/tasks'); console.log('_tfengine' in globalThis);";
  const args = ['--conditions=@mixerzoo/source', '--import', 'tsx', '--input-type=module', '-e', program];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    cwd: import.meta.dirname,
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  expect(stdout.trim()).toBe('false');
}, 60_000);
