/**
 * The reference of the API: a page a package, of the reports in `packages/<name>/api` (what each face exports, from the declarations of
 * the build; a check holds them to it) and the docstrings of the sources.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { docstringsOf } from './docstrings.js';
import { REPOSITORY } from './documents.js';

/** A face of a package: `.` or a subpath. */
interface Face {
  readonly specifier: string;
  readonly report: string;
  readonly source: string;
}

/** Packages that export something to code, by folder. */
export function apiPackages(): string[] {
  return readdirSync(join(REPOSITORY, 'packages')).filter((name) => facesOf(name).length > 0);
}

/** The page of a package's exports. @throws Error if a report names nothing. */
export function apiPage(name: string): string {
  const faces = facesOf(name);
  const sections = faces.map((face) =>
    faces.length > 1 ? `## ${face.specifier}\n\n${exportsOf(face)}` : exportsOf(face),
  );
  return `# API of @mixerzoo/${name}

What is exported, with types as the build declares them. What it is for: [@mixerzoo/${name}](../../packages/${name}/index.md).

${sections.join('\n\n')}
`;
}

/** The page that leads to all. */
export function apiIndex(packages: readonly string[]): string {
  const lines = packages.map((name) => {
    const faces = facesOf(name).map(({ specifier }) => `\`${specifier}\``);
    return `- [@mixerzoo/${name}](./${name}.md)${faces.length > 1 ? `: ${faces.join(', ')}` : ''}`;
  });
  return `# API

Every export of every package, from its declarations and docstrings.

${lines.join('\n')}
`;
}

function facesOf(name: string): Face[] {
  const directory = join(REPOSITORY, 'packages', name);
  const { exports: targets = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return Object.entries(targets as Record<string, { '@mixerzoo/source'?: string }>).flatMap(([face, target]) => {
    const subpath = face === '.' ? '' : face.slice(1);
    const report = join(directory, 'api', `${subpath === '' ? 'index' : subpath.slice(1)}.txt`);
    const source = target['@mixerzoo/source'];
    if (!source || !existsSync(report)) return [];
    return [{ specifier: `@mixerzoo/${name}${subpath}`, report, source: join(directory, source) }];
  });
}

function exportsOf({ specifier, report, source }: Face): string {
  const docstrings = docstringsOf(source);
  const declarations = readFileSync(report, 'utf8')
    .trim()
    .split(/\n{2,}/);
  const sections = declarations.map((declaration) => {
    const name = nameIn(declaration);
    if (name === undefined) throw new Error(`${report}: expected a declaration, got '${declaration.slice(0, 60)}'.`);
    const said = docstrings.get(name);
    return [
      `### ${name === '*' ? 'Everything else' : name}`,
      ...(said ? [said] : []),
      `\`\`\`ts\n${declaration}\n\`\`\``,
    ].join('\n\n');
  });
  return `\`import { … } from '${specifier}'\`\n\n${sections.join('\n\n')}`;
}

/** `declare function x(…)`, `type X = …`, `x of package`, `* of package` (all that it exports), `x is …`. */
function nameIn(declaration: string): string | undefined {
  const declared =
    /^(?:export )?(?:declare )?(?:abstract )?(?:function|const|let|class|interface|type|enum|namespace) ([\w$]+)/;
  return declared.exec(declaration)?.[1] ?? /^([\w$]+|\*)(?: of | is |$)/.exec(declaration)?.[1];
}
