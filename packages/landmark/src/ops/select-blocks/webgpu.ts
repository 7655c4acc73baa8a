/** Hard retrieval on the webgpu engine: scores by core's matrix product, then a thread per query, or per choice, searches. */
import { EACH_ELEMENT, forEachElement, multiply, type WebgpuKernel } from '@mixerzoo/core/kernels';
import type { DescendAttrs, DescendInputs, DescendOutputs, SelectAttrs, SelectInputs, SelectOutputs } from './types.js';

/** The best of what is left, `topK` times; of equals the first, as `tf.topk` has it. */
export const selectBlocks: WebgpuKernel<SelectInputs, SelectAttrs, SelectOutputs> = {
  run(gpu, { q, landmarks }, { blockSize, topK, offset }) {
    const [rows, length, width] = q.shape;
    const marks = landmarks.shape[1];
    const scores = gpu.scratch([rows, length, marks]);
    const blocks = gpu.output([rows, length, topK], 'int32');
    multiply(
      gpu,
      { a: { tensor: q }, b: { tensor: landmarks, transposed: true }, c: { tensor: scores } },
      { batches: rows, m: length, k: width, n: marks },
    );
    gpu.dispatch({
      code: `${EACH_ELEMENT}
  let visible = min(u.marks, (u.offset + i % u.length) / u.block);
  var last = -1;
  for (var choice = 0; choice < u.topK; choice++) {
    var best = -1;
    for (var m = 0; m < visible; m++) {
      let x = scores[i * u.marks + m];
      if (choice > 0) {
        let before = scores[i * u.marks + last];
        if (x > before || (x == before && m <= last)) { continue; }
      }
      if (best < 0 || x > scores[i * u.marks + best]) { best = m; }
    }
    blocks[i * u.topK + choice] = best;
    if (best < 0) {
      for (var rest = choice; rest < u.topK; rest++) { blocks[i * u.topK + rest] = -1; }
      break;
    }
    last = best;
  }
}`,
      read: { scores },
      write: { blocks },
      integers: { size: rows * length, length, marks, block: blockSize, topK, offset },
      workgroups: forEachElement(gpu, rows * length),
    });
    return { blocks };
  },
};

/** Down the tree of sums, at each level to the half that scores higher. */
export const descendBlocks: WebgpuKernel<DescendInputs, DescendAttrs, DescendOutputs> = {
  run(gpu, { q, nodes, blocks }, { blockSize }) {
    const [, length, width] = q.shape;
    const tokens = gpu.output(blocks.shape, 'int32');
    gpu.dispatch({
      code: `${EACH_ELEMENT}
  let query = i / u.count;
  let block = blocks[i];
  let tree = query / u.length * u.nodes + max(block, 0) * (2 * u.block - 2);
  var node = 0;
  for (var halves = 2; halves <= u.block; halves *= 2) {
    let left = (tree + halves - 2 + 2 * node) * u.width;
    var scores = vec2f();
    for (var c = 0; c < u.width; c++) {
      scores += q[query * u.width + c] * vec2f(nodes[left + c], nodes[left + u.width + c]);
    }
    node = 2 * node + select(0, 1, scores.y > scores.x);
  }
  tokens[i] = select(-1, block * u.block + node, block >= 0);
}`,
      read: { q, nodes, blocks },
      write: { tokens },
      integers: {
        size: tokens.size,
        length,
        width,
        nodes: nodes.shape[1],
        block: blockSize,
        count: blocks.shape[2],
      },
      workgroups: forEachElement(gpu, tokens.size),
    });
    return { tokens };
  },
};
