/** Tables of options, made of the zod schemas of mixers, tasks, channel mixers and norms. */
import * as z from 'zod';
import { code, plain, table } from './markdown.js';

/** JSON Schema as zod writes it, as far as options have it. */
interface Schema {
  readonly type?: string;
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly required?: readonly string[];
}

/** The options of a part: what each is, what it may be, what it is unless given. */
export function optionsTable(schema: z.ZodType): string {
  const { properties = {}, required = [] } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as Schema;
  const rows = Object.entries(properties).map(([name, option]) => [
    code(name),
    typeOf(option),
    'default' in option ? code(JSON.stringify(option.default)) : required.includes(name) ? 'required' : '',
    plain(option.description ?? ''),
  ]);
  return table(['option', 'type', 'default', 'meaning'], rows);
}

/** `'a'`, `'b'` or a number from 1. */
function typeOf(schema: Schema): string {
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices) return [...new Set(choices.map(typeOf))].join(' or ');
  if (schema.enum) return schema.enum.map((value) => code(JSON.stringify(value))).join(', ');
  if (schema.const !== undefined) return code(JSON.stringify(schema.const));
  if (schema.type === 'array') return `list of ${schema.items ? typeOf(schema.items) : 'anything'}`;
  if (schema.type === 'object') {
    const keys = Object.keys(schema.properties ?? {});
    return keys.length > 0 ? code(`{ ${keys.join(', ')} }`) : 'object';
  }
  if (schema.type === 'integer' || schema.type === 'number') return numberOf(schema);
  return schema.type ?? 'any';
}

function numberOf({ type, minimum, exclusiveMinimum, maximum, exclusiveMaximum }: Schema): string {
  const whole = type === 'integer';
  const least = minimum ?? (whole && exclusiveMinimum !== undefined ? exclusiveMinimum + 1 : undefined);
  const bounds = [
    least !== undefined && Math.abs(least) < Number.MAX_SAFE_INTEGER ? `from ${least}` : '',
    !whole && exclusiveMinimum !== undefined ? `above ${exclusiveMinimum}` : '',
    maximum !== undefined && maximum < Number.MAX_SAFE_INTEGER ? `to ${maximum}` : '',
    exclusiveMaximum !== undefined ? `below ${exclusiveMaximum}` : '',
  ];
  return [whole ? 'whole number' : 'number', ...bounds.filter(Boolean)].join(' ');
}
