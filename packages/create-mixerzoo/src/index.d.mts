/** A mixer in plain `tf`; one with an op and its kernel; a task. */
export type ProjectKind = 'mixer' | 'kernel' | 'task';

/** What is to be written: its name in kebab-case, and where; by default a directory of the name. */
export interface Project {
  readonly kind: ProjectKind;
  readonly name: string;
  readonly target?: string | undefined;
}

/** What speaks against a project: the end of a sentence that begins with "expected". Undefined where nothing does. */
export declare function projectFault(project: Project): string | undefined;

/** Writes a project; the commands that come next, with what each does. */
export declare function writeProject(project: Project): Readonly<Record<string, string>>;

/** `gated-mean`, `gatedMean`, `GatedMean`, `Gated mean`. */
export declare function formsOf(kebab: string): readonly [string, string, string, string];

/** Says what is there, and which commands come next. */
export declare function printNext(what: string, next: Readonly<Record<string, string>>): void;

/** Ends the process with status 2: the input is bad. */
export declare function refuse(command: string, expectation: string): never;
