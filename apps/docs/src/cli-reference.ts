/** The page of the command's reference, made of its own definitions: what `mixerzoo help <command>` says. */
import { code, plain, table } from './markdown.js';

interface Option {
  readonly rawName: string;
  readonly description: string;
}

interface Command {
  readonly name: string;
  readonly rawName: string;
  readonly description: string;
  readonly options: readonly Option[];
  readonly examples: readonly unknown[];
}

/** What of a command line of `cac` is shown. */
export interface CommandLine {
  readonly commands: readonly Command[];
  readonly globalCommand: { readonly options: readonly Option[] };
}

export function cliReference(cli: CommandLine): string {
  return `# The command \`mixerzoo\`

Made of the command's own definitions, as \`mixerzoo help <command>\` prints them. What it is for, with examples: [@mixerzoo/bench](../packages/bench/index.md).

${table(
  ['command', ''],
  cli.commands.map((command) => [`[\`${command.name}\`](#mixerzoo-${command.name})`, plain(command.description)]),
)}

Every command takes:

${optionsTable(cli.globalCommand.options)}

${cli.commands.map(section).join('\n\n')}
`;
}

function section(command: Command): string {
  const examples = command.examples.filter((each): each is string => typeof each === 'string');
  const shown = examples.filter((line) => line.startsWith('  '));
  const said = examples.filter((line) => !line.startsWith('  '));
  return [
    `## mixerzoo ${command.name}`,
    `\`mixerzoo ${command.rawName}${command.options.length > 0 ? ' [options]' : ''}\``,
    `${plain(command.description)}.`,
    ...(command.options.length > 0 ? [optionsTable(command.options)] : []),
    ...(shown.length > 0 ? [`\`\`\`sh\n${shown.map((line) => line.trim()).join('\n')}\n\`\`\``] : []),
    ...said,
  ].join('\n\n');
}

function optionsTable(options: readonly Option[]): string {
  return table(
    ['option', ''],
    options.map(({ rawName, description }) => [code(rawName), plain(description)]),
  );
}
