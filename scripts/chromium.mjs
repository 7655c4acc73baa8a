/** Where a Chromium may be, for scripts and tests. */
import { existsSync } from 'node:fs';
import { chromium } from 'playwright-core';

/** Paths of executables, the first that is there counting. */
export const CHROMIUM_PLACES = [
  process.env.CHROMIUM_PATH,
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  chromium.executablePath(),
].filter((path) => path);

export const findChromium = () => CHROMIUM_PLACES.find((path) => existsSync(path));
