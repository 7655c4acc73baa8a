/** `npm test`: every package's tests, from source. Arguments go to vitest. */
import { spawnSync } from 'node:child_process';

const run = (command, args) =>
  spawnSync(command, args, { stdio: 'inherit', shell: process.platform === 'win32' }).status ?? 1;

process.exit(run('npm', ['run', '--silent', 'kernels']) || run('npx', ['vitest', 'run', ...process.argv.slice(2)]));
