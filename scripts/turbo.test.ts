import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const home = mkdtempSync(join(tmpdir(), 'mixerzoo-turbo-'));
afterAll(() => rmSync(home, { recursive: true }));

describe('scripts/turbo.mjs', () => {
  it('runs turbo without telemetry, and without its notice on a machine that never saw it', () => {
    const env: NodeJS.ProcessEnv = { ...process.env, HOME: home, XDG_CONFIG_HOME: home, TURBO_TELEMETRY_DEBUG: '1' };
    for (const name of ['TURBO_TELEMETRY_DISABLED', 'TURBO_TELEMETRY_MESSAGE_DISABLED', 'DO_NOT_TRACK'])
      delete env[name];
    const args = ['scripts/turbo.mjs', 'run', 'kernels', '--dry=json'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, encoding: 'utf8', env });
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toHaveProperty('tasks');
    expect(stderr).not.toMatch(/telemetry/i);
    expect(existsSync(join(home, 'turborepo'))).toBe(false);
  });

  it('is the only way by which scripts start turbo', () => {
    const manifests = ['.', ...readdirSync(join(ROOT, 'packages')).map((name) => join('packages', name))];
    const commands = manifests.flatMap((directory) => {
      const { scripts } = JSON.parse(readFileSync(join(ROOT, directory, 'package.json'), 'utf8'));
      return Object.values<string>(scripts);
    });
    expect(commands.filter((command) => /\bturbo(?!\.mjs)\b/.test(command))).toEqual([]);
    const files = readdirSync(join(ROOT, 'scripts')).filter((name) => name.endsWith('.mjs'));
    const sources = [...files.map((name) => join('scripts', name)), '.ci/run'];
    const bare = /(?:npx|exec)[\s'",[]+turbo\b/;
    expect(sources.filter((file) => bare.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });
});
