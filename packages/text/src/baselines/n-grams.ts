/**
 * Interpolated Witten-Bell n-grams: the models that a network has to beat before it is of use.
 *
 *   p_k(w | h) = (c(h w) + t(h) p_{k-1}(w | h')) / (c(h) + t(h)),   p_0 = 1 / V
 *
 * An n-gram has n - 1 tokens of context. h are the k - 1 tokens before w, h' all but the first of them, c(h) how often h was
 * followed by anything and t(h) by how many different tokens. Witten and Bell 1991; Chen and Goodman 1998, section 2.5.
 *
 * n-grams are nodes of a trie, found by a hash of parent and token: 20 bytes a node and 8 a place of the table.
 */

const NONE = 0xffff_ffff;

/** An n-gram model of tokens in [0, vocabSize). */
export interface NGrams {
  /** Counts the tokens that follow those counted before. @returns false, with nothing counted on, if there is no room left. */
  count(tokens: Int32Array): boolean;
  /** Nats of each token, given those before it in the same row; the model of each order 1 to `order`. */
  nats(tokens: Int32Array): Float32Array[];
}

/** @param maxNodes - different n-grams of all orders together that are held at most. */
export function createNGrams(vocabSize: number, order: number, maxNodes: number): NGrams {
  let capacity = 2 ** 12;
  let nodes = 1;
  let parent = new Uint32Array(capacity);
  let token = new Uint32Array(capacity);
  let count = new Uint32Array(capacity);
  let total = new Uint32Array(capacity);
  let types = new Uint32Array(capacity);
  let table = new Uint32Array(2 * capacity).fill(NONE);
  const context = new Uint32Array(order).fill(NONE);
  context[0] = 0;

  function placeOf(of: number, word: number): number {
    let place = (Math.imul(of, 0x9e3779b1) ^ Math.imul(word + 1, 0x85ebca6b)) >>> 0;
    place = (place ^ (place >>> 15)) & (table.length - 1);
    for (let node = table[place]!; node !== NONE; node = table[place]!) {
      if (parent[node] === of && token[node] === word) break;
      place = (place + 1) & (table.length - 1);
    }
    return place;
  }

  function grow(): void {
    capacity *= 2;
    const larger = (old: Uint32Array) => {
      const array = new Uint32Array(capacity);
      array.set(old);
      return array;
    };
    [parent, token, count, total, types] = [parent, token, count, total, types].map(larger) as [
      Uint32Array<ArrayBuffer>,
      Uint32Array<ArrayBuffer>,
      Uint32Array<ArrayBuffer>,
      Uint32Array<ArrayBuffer>,
      Uint32Array<ArrayBuffer>,
    ];
    table = new Uint32Array(2 * capacity).fill(NONE);
    for (let node = 1; node < nodes; node++) table[placeOf(parent[node]!, token[node]!)] = node;
  }

  /** Contexts of each length give way to those that end in the next token. */
  function advance(contexts: Uint32Array, child: (of: number) => number): void {
    for (let k = order - 1; k >= 0; k--) {
      const next = contexts[k] === NONE ? NONE : child(contexts[k]!);
      if (k + 1 < order) contexts[k + 1] = next;
    }
  }

  return {
    count(tokens) {
      for (const word of tokens) {
        if (nodes + order > maxNodes) return false;
        if (nodes + order > capacity) grow();
        advance(context, (of) => {
          const place = placeOf(of, word);
          let node = table[place]!;
          if (node === NONE) {
            node = nodes++;
            table[place] = node;
            parent[node] = of;
            token[node] = word;
            types[of]!++;
          }
          count[node]!++;
          total[of]!++;
          return node;
        });
      }
      return true;
    },
    nats(tokens) {
      const rows = Array.from({ length: order }, () => new Float32Array(tokens.length));
      const contexts = new Uint32Array(order).fill(NONE);
      contexts[0] = 0;
      for (const [t, word] of tokens.entries()) {
        let p = 1 / vocabSize;
        for (let k = 0; k < order; k++) {
          const of = contexts[k]!;
          if (of !== NONE && total[of]! > 0) {
            const node = table[placeOf(of, word)]!;
            p = ((node === NONE ? 0 : count[node]!) + types[of]! * p) / (total[of]! + types[of]!);
          }
          rows[k]![t] = -Math.log(p);
        }
        advance(contexts, (of) => table[placeOf(of, word)]!);
      }
      return rows;
    },
  };
}
