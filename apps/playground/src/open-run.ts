/** Runs that `mixerzoo run` has made, and files that the page has exported, opened from what is dropped on the page. */
import type { RunSettings } from '@mixerzoo/bench/plan';

/** A run to show, and where they were kept its weights. */
export interface OpenedRun {
  readonly label: string;
  readonly config: RunSettings;
  readonly weights?: Uint8Array | undefined;
  /** What its record says it scored, by length. */
  readonly recorded?: readonly { readonly seqLen: number; readonly accuracy: number }[] | undefined;
}

/** A file of a folder, by its path within it. */
export interface NamedFile {
  readonly path: string;
  readonly file: Blob;
}
