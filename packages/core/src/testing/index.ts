export {
  dot,
  expectClose,
  expectGradient,
  gradientsOf,
  largestMagnitude,
  type Numbers,
  testTensor,
} from './compare.js';
export { type DescribeMixerOptions, describeMixer } from './describe-mixer.js';
export { type DescribeOpOptions, describeOp, type OpCase } from './describe-op.js';
export { type DescribeTaskOptions, describeTask } from './describe-task.js';
export {
  expectGolden,
  expectGoldenFunction,
  expectGoldenGradients,
  type GoldenCase,
  type GoldenCheck,
  type GoldenChecks,
  type GoldenTensor,
  goldenMixer,
  goldenTensor,
  goldenTree,
  readGolden,
  renamed,
} from './golden.js';
export { profiledMatMulFlops } from './profile.js';
export { expectShaders, shadersOf } from './shaders.js';
export { isSoftwareDriver, reducedOnSoftware } from './software-driver.js';
export { stacked } from './stacked.js';
export { stepThrough } from './step-through.js';
export { type Tolerances, tolerances } from './tolerance.js';
