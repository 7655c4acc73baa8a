/**
 * Writes the reference of the API with TypeDoc: a page for every face of every package, from declarations and docstrings of the
 * sources. TypeDoc has a TypeScript of its own, older than the one that checks the repository: it reads types, and judges none.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Application } from 'typedoc';

const repository = fileURLToPath(new URL('../../../', import.meta.url));
const out = fileURLToPath(new URL('../pages/reference/api/', import.meta.url));
const settings = fileURLToPath(new URL('../pages/tsconfig.api.json', import.meta.url));

/** Files of the faces of all packages. */
const faces = readdirSync(join(repository, 'packages')).flatMap((name) => {
  const directory = join(repository, 'packages', name);
  const { exports: targets = {} } = JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8'));
  return Object.values(targets).flatMap((target) => {
    const source = target['@mixerzoo/source'];
    return source && existsSync(join(directory, source)) ? [join(directory, source)] : [];
  });
});
mkdirSync(out, { recursive: true });
writeFileSync(
  settings,
  JSON.stringify({
    extends: join(repository, 'tsconfig.base.json'),
    compilerOptions: { skipLibCheck: true },
    files: faces,
  }),
);

const app = await Application.bootstrapWithPlugins({
  plugin: ['typedoc-plugin-markdown'],
  tsconfig: settings,
  entryPoints: faces,
  out,
  name: 'API',
  readme: 'none',
  router: 'module',
  entryFileName: 'index',
  basePath: repository,
  displayBasePath: repository,
  skipErrorChecking: true,
  disableSources: true,
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  githubPages: false,
  hidePageHeader: true,
  hideBreadcrumbs: true,
  useCodeBlocks: true,
  expandObjects: true,
  parametersFormat: 'table',
  interfacePropertiesFormat: 'table',
  enumMembersFormat: 'table',
  typeDeclarationFormat: 'table',
  logLevel: 'Error',
});
const project = await app.convert();
if (!project) throw new Error('api: expected types that TypeDoc reads, got errors. They stand above.');
await app.generateOutputs(project);
console.log(`${faces.length} faces of packages in ${out}`);
