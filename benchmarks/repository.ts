/** Files of the repository, from the sources of the benchmarks and from where the build of packages/bench puts them. */
const ROOT = import.meta.url.replace(/(packages\/bench\/dist|benchmarks)\/[^/]*(\/[^/]*)?$/, '');

/** @param path from the repository's root. */
export const repositoryFile = (path: string): URL => new URL(path, ROOT);
