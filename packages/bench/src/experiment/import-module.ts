/** Modules of the user: by Node's own loader where it can, so that mixers share one copy of core with us; else by jiti. */
import { pathToFileURL } from 'node:url';
import { createJiti } from 'jiti';

/** Errors after which Node itself cannot load a file that a TypeScript loader can. */
const NEEDS_LOADER = new Set([
  'ERR_UNKNOWN_FILE_EXTENSION',
  'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX',
  'ERR_INVALID_TYPESCRIPT_SYNTAX',
  'ERR_MODULE_NOT_FOUND',
]);

/**
 * The exports of a module.
 * @param by the module that imports it, by whose loader it is taken: loaded before, it is the same one.
 */
export async function importModule(path: string, by = path): Promise<object> {
  const [url, byUrl] = [path, by].map((file) => pathToFileURL(file).href);
  try {
    await import(/* @vite-ignore */ byUrl!);
    return (await import(/* @vite-ignore */ url!)) as object;
  } catch (error) {
    if (!NEEDS_LOADER.has((error as NodeJS.ErrnoException).code ?? '')) throw error;
    return createJiti(byUrl!).import(path);
  }
}
