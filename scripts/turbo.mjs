/**
 * `node scripts/turbo.mjs run <task>`: turbo, which sends nothing home from here. Its telemetry can be turned off by the
 * environment alone, and `VAR=1 turbo` in a package.json is not understood on Windows.
 */
process.env.TURBO_TELEMETRY_DISABLED = '1';
await import('turbo');
