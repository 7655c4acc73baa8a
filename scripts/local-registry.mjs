/**
 * A registry of npm on loopback, for as long as a check takes: verdaccio, with its storage in a directory that is thrown away. What
 * is ours is there alone; all else comes from the registry that npm is configured with.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { run } from './packed-project.mjs';

/** The newest that runs on Node 20. It asks for node-fetch by a tag, `cjs`, which mirrors of npm do not have. */
const TOOLS = { private: true, dependencies: { verdaccio: '~6.8.0' }, overrides: { 'node-fetch': '^2.6.7' } };
/** Names that are published here, and never looked up elsewhere. */
const OURS = ['@mixerzoo/*', 'create-mixerzoo', 'mixerzoo-*'];

/**
 * Installs and starts it.
 *
 * @param directory - made here, for all that it writes.
 * @returns its address, the environment in which npm uses it and may publish to it, and `stop`.
 * @throws Error with what it printed, unless it answers within three minutes.
 */
export async function startRegistry(directory) {
  mkdirSync(directory);
  writeFileSync(join(directory, 'package.json'), JSON.stringify(TOOLS));
  run('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline'], directory);
  const upstream = spawnSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' }).stdout.trim();
  const config = join(directory, 'config.yaml'); // JSON is YAML
  writeFileSync(config, JSON.stringify(configOf(upstream), null, 2));

  const port = await freePort();
  const url = `http://127.0.0.1:${port}/`;
  const log = join(directory, 'log.txt');
  const output = openSync(log, 'w');
  const bin = join(directory, 'node_modules/verdaccio/bin/verdaccio');
  const child = spawn(process.execPath, [bin, '--config', config, '--listen', `127.0.0.1:${port}`], {
    cwd: directory,
    stdio: ['ignore', output, output],
  });
  const stop = () => child.kill();
  process.once('exit', stop);
  try {
    await answers(`${url}-/ping`, child);
    const userconfig = join(directory, 'npmrc');
    writeFileSync(userconfig, `registry=${url}\n//127.0.0.1:${port}/:_authToken=${await logIn(url)}\n`);
    const env = { ...process.env, npm_config_registry: url, npm_config_userconfig: userconfig };
    return { url, env, stop };
  } catch (error) {
    stop();
    throw new Error(`verdaccio: ${error.message}. It printed:\n${readFileSync(log, 'utf8')}`);
  }
}

function configOf(upstream) {
  const ours = { access: '$all', publish: '$authenticated' };
  return {
    storage: './storage',
    auth: { htpasswd: { file: './htpasswd' } },
    // Tokens that are signed: others hold the password, whose hash is then worked out for every request.
    security: { api: { legacy: false, jwt: { sign: { expiresIn: '1d' } } } },
    uplinks: { upstream: { url: upstream, timeout: '60s', max_fails: 20, fail_timeout: '10s' } },
    packages: { ...Object.fromEntries(OURS.map((name) => [name, ours])), '**': { access: '$all', proxy: 'upstream' } },
    max_body_size: '200mb',
    web: { enable: false },
    log: { type: 'stdout', format: 'pretty', level: 'warn' },
  };
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function answers(url, child) {
  for (let trial = 0; trial < 720; trial += 1) {
    if (child.exitCode !== null) throw new Error(`expected it to start, got exit code ${child.exitCode}`);
    const response = await fetch(url).catch(() => undefined);
    if (response?.ok) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new Error('expected an answer within three minutes, got none');
}

/** @returns the token of a user made for this. */
async function logIn(url) {
  const user = { name: 'release', password: 'of-no-consequence' };
  const response = await fetch(`${url}-/user/org.couchdb.user:${user.name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(user),
  });
  const { token } = await response.json();
  if (!token) throw new Error(`expected a token for a new user, got status ${response.status}`);
  return token;
}
