/** Blocks of shell as commands: words of each, without comments, variables of the environment and placeholders. */
import { parse } from 'shell-quote';

/** What `<run>` and `…` of a document become: a word that stands for what the reader has. */
export const PLACEHOLDER = 'PLACEHOLDER';

/**
 * @param code - lines of shell; `&&` divides a line, a backslash at its end joins it with the next.
 * @returns the words of each command.
 * @throws Error for what is more than words (pipes, redirections).
 */
export function commandsOf(code) {
  return code
    .replace(/\\\n/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const commands = [[]];
      for (const token of parse(line.replace(/<[^<>|]+>|\S*…/g, PLACEHOLDER), (name) => `$${name}`)) {
        if (typeof token === 'string') commands.at(-1).push(token);
        else if (token.op === '&&') commands.push([]);
        else if (token.op === 'glob') commands.at(-1).push(token.pattern);
        else if (token.comment === undefined) throw new Error(`expected words, && and comments, got '${token.op}'`);
      }
      return commands.map(withoutVariables).filter((words) => words.length > 0);
    });
}

function withoutVariables(words) {
  const first = words.findIndex((word) => !/^[A-Z_]+=/.test(word));
  return first < 0 ? [] : words.slice(first);
}
