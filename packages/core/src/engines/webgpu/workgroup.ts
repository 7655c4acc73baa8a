/**
 * WGSL of what the threads of a workgroup do together: a line of work for each workgroup, and sums, maxima and minima
 * over its threads, which all of them get. Where the device has subgroups these go through them, else through workgroup
 * memory in two levels: barriers are what costs. Sums are taken in an order that a device keeps.
 */
import type { WebgpuCall } from './kernel.js';

/** Opens `main`: `line` is what the workgroup has to do, of `u.lines`, `local` the thread's index in it. */
export const eachLine = (threads: number) => `
@compute @workgroup_size(${threads})
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
`;

const REDUCTIONS = {
  total: { type: 'f32', bySubgroup: 'subgroupAdd', join: (a: string, b: string) => `${a} + ${b}` },
  highest: { type: 'f32', bySubgroup: 'subgroupMax', join: (a: string, b: string) => `max(${a}, ${b})` },
  lowest: { type: 'i32', bySubgroup: 'subgroupMin', join: (a: string, b: string) => `min(${a}, ${b})` },
} as const;

/** The least number of lanes that a subgroup has. */
const FEWEST_LANES = 4;

/**
 * WGSL of functions `name(share, local)`: `total` adds numbers, `highest` is the largest of them, `lowest` the least of
 * integers. Each is a barrier, so that every thread has to come by.
 */
export function workgroupReductions(
  { subgroups }: Pick<WebgpuCall, 'subgroups'>,
  threads: 64 | 256,
  names: readonly (keyof typeof REDUCTIONS)[],
): string {
  return names.map((name) => (subgroups ? bySubgroups : byMemory)(name, threads)).join('');
}

/** Lanes lie side by side and subgroups are whole: `probeSubgroups` has seen to it. */
function bySubgroups(name: keyof typeof REDUCTIONS, threads: number): string {
  const { type, bySubgroup, join } = REDUCTIONS[name];
  return `
var<workgroup> ${name}Shares: array<${type}, ${threads / FEWEST_LANES}>;
fn ${name}(share: ${type}, local: i32) -> ${type} {
  let ofSubgroup = ${bySubgroup}(share);
  let lanes = i32(subgroupAdd(1u));
  workgroupBarrier(); // for those who still read what was found before
  if (subgroupElect()) { ${name}Shares[local / lanes] = ofSubgroup; }
  workgroupBarrier();
  var all = ${name}Shares[0];
  for (var other = 1; other < ${threads} / lanes; other++) { all = ${join('all', `${name}Shares[other]`)}; }
  return all;
}
`;
}

function byMemory(name: keyof typeof REDUCTIONS, threads: number): string {
  const { type, join } = REDUCTIONS[name];
  const side = Math.sqrt(threads);
  return `
var<workgroup> ${name}Shares: array<${type}, ${threads}>;
var<workgroup> ${name}OfSide: array<${type}, ${side}>;
fn ${name}(share: ${type}, local: i32) -> ${type} {
  ${name}Shares[local] = share;
  workgroupBarrier();
  if (local < ${side}) {
    var some = share;
    for (var j = 1; j < ${side}; j++) { some = ${join('some', `${name}Shares[local + j * ${side}]`)}; }
    ${name}OfSide[local] = some;
  }
  workgroupBarrier();
  var all = ${name}OfSide[0];
  for (var j = 1; j < ${side}; j++) { all = ${join('all', `${name}OfSide[j]`)}; }
  return all;
}
`;
}
