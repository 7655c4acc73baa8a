import { sourceProject } from '../../scripts/vitest-project.ts';

export default sourceProject(import.meta.url);
