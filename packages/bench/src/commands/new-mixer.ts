/** `mixerzoo new-mixer`: what `npm run new:mixer` does in the repository, for a package that stands alone. */

interface Scaffold {
  newMixerAlone(command: string, name: string, target: string | undefined): void;
}

export async function newMixer(name: string, { to }: { readonly to?: readonly string[] }): Promise<number> {
  // Of the package, and no part of the bundle: the repository's own script runs it without a build.
  const scaffold = new URL(
    import.meta.url.endsWith('.ts') ? '../../bin/new-mixer.mjs' : '../bin/new-mixer.mjs',
    import.meta.url,
  );
  const { newMixerAlone } = (await import(scaffold.href)) as Scaffold;
  newMixerAlone('mixerzoo new-mixer', name, to?.at(-1));
  return 0;
}
