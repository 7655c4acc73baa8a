/**
 * Shaders from parts. A {@link Fragment} is WGSL that knows what it stands on: a tensor or a function is a value, and
 * naming it in a template makes it part of the shader. So a shader has the functions and the bindings that its fragments
 * name, and no others, and nobody lists them a second time.
 *
 * Variables are plain text; a {@link fragment} that several shaders share states which it takes and gives, as a function does.
 * What is left is found when the shader is put together: {@link assertNames}.
 */
import { EngineError } from '../../errors.js';
import type * as tf from '../../tf.js';
import { forbiddenNames, wgslNames } from './wgsl-names.js';

/** What a shader has outside of `main`: a tensor, or a function or workgroup memory, which has a text. */
export interface Declared {
  readonly name: string;
  readonly text?: Fragment;
}

export interface Fragment {
  readonly code: string;
  readonly uses: readonly Declared[];
}

export type Part = string | number | Fragment | Declared;

/** A tensor that is read, for fragments to name. */
export const tensor = (name: string): Declared => ({ name });

/** A function, or workgroup memory, for fragments to name. */
export const declare = (name: string, text: Fragment): Declared => ({ name, text });

/** A fragment; what is declared is written as its name. */
export function wgsl(strings: TemplateStringsArray, ...parts: readonly Part[]): Fragment {
  let code = strings[0] as string;
  const uses: Declared[] = [];
  for (const [index, part] of parts.entries()) {
    if (typeof part !== 'object') code += part;
    else if ('code' in part) {
      code += part.code;
      uses.push(...part.uses);
    } else {
      code += part.name;
      uses.push(part);
    }
    code += strings[index + 1];
  }
  return { code, uses };
}

/** Fragments one after the other, a line each unless told otherwise. */
export const joined = (parts: readonly Part[], between = '\n') =>
  parts.reduce<Fragment>((all, part, index) => wgsl`${all}${index === 0 ? '' : between}${part}`, wgsl``);

/**
 * `wgsl` for a fragment that names the variables which it takes from the code before it and gives to the code after it.
 * @param takes, gives - names, between blanks.
 * @throws EngineError for a fragment that takes others, or does not give what it says.
 */
export const fragment =
  (takes: string, gives = '') =>
  (strings: TemplateStringsArray, ...parts: readonly Part[]): Fragment => {
    const text = wgsl(strings, ...parts);
    const { free, declared } = wgslNames(text.code);
    const taken = new Set([...free.keys()].filter((name) => !name.startsWith('u.')));
    for (const { name } of text.uses) taken.delete(name);
    const stated = takes.split(' ').filter(Boolean);
    const wrong = [
      ...[...taken].filter((name) => !stated.includes(name)).map((name) => `'${name}' unstated`),
      ...stated.filter((name) => !taken.has(name)).map((name) => `'${name}' not taken`),
      ...gives
        .split(' ')
        .filter((name) => name && !declared.has(name))
        .map((name) => `'${name}' not given`),
    ];
    if (wrong.length === 0) return text;
    throw new EngineError(
      `webgpu fragment: expected it to take '${takes}' and to give '${gives}', got ${wrong.join(', ')}. State what it does.\n${text.code}`,
    );
  };

/** A shader's text, and the tensors that it names. */
export interface Shader {
  readonly code: string;
  readonly tensors: readonly string[];
}

/**
 * The shader of `main`: before it the functions that it names, and those that they name.
 * @throws EngineError for two functions of one name.
 */
export function assemble(main: Fragment): Shader {
  const tensors = new Set<string>();
  const functions = new Map<string, string>();
  const collect = ({ uses }: Fragment) => {
    for (const { name, text } of uses) {
      if (!text) tensors.add(name);
      else if (!functions.has(name)) {
        collect(text);
        functions.set(name, text.code);
      } else if (functions.get(name) !== text.code) {
        throw new EngineError(`webgpu kernel: expected one '${name}' in a shader, got two. Rename one of them.`);
      }
    }
  };
  collect(main);
  return { code: [...functions.values(), main.code].join('\n'), tensors: [...tensors] };
}

/** `code` and `read` of a dispatch: of `tensors` those that the shader names. @throws EngineError for one that is missing. */
export function bind({ code, tensors: names }: Shader, tensors: Readonly<Record<string, tf.Tensor | undefined>>) {
  const read: Record<string, tf.Tensor> = {};
  for (const name of names) {
    const tensor = tensors[name];
    if (!tensor) {
      const given = Object.keys(tensors).filter((each) => tensors[each]);
      throw new EngineError(
        `webgpu kernel: expected a tensor '${name}', which the shader reads, got ${given.join(', ')}. Give it to bind.`,
      );
    }
    read[name] = tensor;
  }
  return { code, read };
}

/**
 * Holds a whole shader, its bindings included, to names that are declared, and to names that WGSL allows.
 * @throws EngineError that shows the line of each other name.
 */
export function assertNames(code: string): void {
  assertNone(code, forbiddenNames(code), 'names that WGSL does not keep for itself', 'Rename it.');
  const { free } = wgslNames(code);
  assertNone(code, free, 'every name of a shader to be declared', 'Declare it, or give it to the dispatch.');
}

function assertNone(code: string, names: ReadonlyMap<string, number>, expected: string, remedy: string): void {
  if (names.size === 0) return;
  const where = [...names].map(([name, index]) => {
    const line = code.slice(0, index).split('\n').length;
    return `'${name}' in line ${line}: ${code.split('\n')[line - 1]?.trim()}`;
  });
  throw new EngineError(`webgpu kernel: expected ${expected}, got\n  ${where.join('\n  ')}\n${remedy}`);
}
