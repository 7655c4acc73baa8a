/** Many normals at once: both of each pair that Box and Muller's transform gives, where `Rng.normal` keeps one. */
import type { Rng } from '@mixerzoo/core/rng';

/** Fills an array with standard normals; returns it. */
export function fillNormals<T extends Float32Array | Float64Array>(rng: Rng, into: T): T {
  for (let i = 0; i < into.length; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - rng.uniform()));
    const angle = 2 * Math.PI * rng.uniform();
    into[i] = radius * Math.cos(angle);
    if (i + 1 < into.length) into[i + 1] = radius * Math.sin(angle);
  }
  return into;
}
