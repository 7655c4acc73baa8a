export { default } from '../../scripts/package-build.ts';
