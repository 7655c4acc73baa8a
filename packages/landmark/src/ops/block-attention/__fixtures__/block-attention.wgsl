// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> v: array<f32>;
@group(0) @binding(4) var<storage, read> retrieved: array<i32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, scale: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
var<workgroup> totalShares: array<f32, 64>;
var<workgroup> totalOfSide: array<f32, 8>;
fn total(share: f32, local: i32) -> f32 {
  totalShares[local] = share;
  workgroupBarrier();
  if (local < 8) {
    var some = share;
    for (var j = 1; j < 8; j++) { some = some + totalShares[local + j * 8]; }
    totalOfSide[local] = some;
  }
  workgroupBarrier();
  var all = totalOfSide[0];
  for (var j = 1; j < 8; j++) { all = all + totalOfSide[j]; }
  return all;
}

var<workgroup> highestShares: array<f32, 64>;
var<workgroup> highestOfSide: array<f32, 8>;
fn highest(share: f32, local: i32) -> f32 {
  highestShares[local] = share;
  workgroupBarrier();
  if (local < 8) {
    var some = share;
    for (var j = 1; j < 8; j++) { some = max(some, highestShares[local + j * 8]); }
    highestOfSide[local] = some;
  }
  workgroupBarrier();
  var all = highestOfSide[0];
  for (var j = 1; j < 8; j++) { all = max(all, highestOfSide[j]); }
  return all;
}

var<workgroup> tokens: array<i32, 64>;
fn tokenAt(line: i32, i: i32) -> i32 {
  let t = line % u.length;
  let first = line - t;
  if (i < u.block) {
    let s = t - t % u.block + i;
    return select(-1, first + s, s <= t);
  }
  if (i >= u.seen) { return -1; }
  let index = retrieved[line * u.count + (i - u.block) / u.unit];
  let s = index * u.unit + (i - u.block) % u.unit;
  return select(-1, first + s, index >= 0 && s < u.length);
}

var<workgroup> scoreParts: array<f32, 544>;
fn score(line: i32, i0: i32, local: i32) -> f32 {
  tokens[local] = tokenAt(line, i0 + local);
  workgroupBarrier();
  for (var j = local / 8; j < 64; j += 8) {
    let token = tokens[j];
    var sum = 0.0;
    if (token >= 0) {
      for (var c = local % 8; c < u.width; c += 8) { sum += q[line * u.width + c] * k[token * u.width + c]; }
    }
    scoreParts[local % 8 * 68 + j] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var e = 0; e < 8; e++) { sum += scoreParts[e * 68 + local]; }
  return sum;
}

var<workgroup> weights: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let t = line % u.length;
  var sum0 = 0.0;
  var largest = -1e30;
  var share = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    let x = select(-1e30, score(line, i0, local) * u.scale, tokens[local] >= 0);
    let top = max(largest, highest(x, local));
    let factor = exp(largest - top);
    largest = top;
    let weight = select(0.0, exp(x - top), tokens[local] >= 0);
    share = share * factor + weight;
    weights[local] = weight;
    sum0 *= factor;
    workgroupBarrier();
    for (var j = 0; j < min(64, u.seen - i0); j++) {
      let token = tokens[j];
      if (token >= 0) {
        if (local + 0 < u.width) { sum0 += weights[j] * v[token * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  let all = total(share, local);
  if (local + 0 < u.width) { o[line * u.width + local + 0] = sum0 / all; }
}

@group(0) @binding(0) var<storage, read_write> dQ: array<f32>;
@group(0) @binding(1) var<storage, read_write> weights: array<f32>;
@group(0) @binding(2) var<storage, read_write> slopes: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<f32>;
@group(0) @binding(4) var<storage, read> k: array<f32>;
@group(0) @binding(5) var<storage, read> v: array<f32>;
@group(0) @binding(6) var<storage, read> dO: array<f32>;
@group(0) @binding(7) var<storage, read> retrieved: array<i32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, scale: f32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
var<workgroup> totalShares: array<f32, 64>;
var<workgroup> totalOfSide: array<f32, 8>;
fn total(share: f32, local: i32) -> f32 {
  totalShares[local] = share;
  workgroupBarrier();
  if (local < 8) {
    var some = share;
    for (var j = 1; j < 8; j++) { some = some + totalShares[local + j * 8]; }
    totalOfSide[local] = some;
  }
  workgroupBarrier();
  var all = totalOfSide[0];
  for (var j = 1; j < 8; j++) { all = all + totalOfSide[j]; }
  return all;
}

var<workgroup> highestShares: array<f32, 64>;
var<workgroup> highestOfSide: array<f32, 8>;
fn highest(share: f32, local: i32) -> f32 {
  highestShares[local] = share;
  workgroupBarrier();
  if (local < 8) {
    var some = share;
    for (var j = 1; j < 8; j++) { some = max(some, highestShares[local + j * 8]); }
    highestOfSide[local] = some;
  }
  workgroupBarrier();
  var all = highestOfSide[0];
  for (var j = 1; j < 8; j++) { all = max(all, highestOfSide[j]); }
  return all;
}

var<workgroup> tokens: array<i32, 64>;
fn tokenAt(line: i32, i: i32) -> i32 {
  let t = line % u.length;
  let first = line - t;
  if (i < u.block) {
    let s = t - t % u.block + i;
    return select(-1, first + s, s <= t);
  }
  if (i >= u.seen) { return -1; }
  let index = retrieved[line * u.count + (i - u.block) / u.unit];
  let s = index * u.unit + (i - u.block) % u.unit;
  return select(-1, first + s, index >= 0 && s < u.length);
}

var<workgroup> scoreParts: array<f32, 544>;
fn score(line: i32, i0: i32, local: i32) -> f32 {
  tokens[local] = tokenAt(line, i0 + local);
  workgroupBarrier();
  for (var j = local / 8; j < 64; j += 8) {
    let token = tokens[j];
    var sum = 0.0;
    if (token >= 0) {
      for (var c = local % 8; c < u.width; c += 8) { sum += q[line * u.width + c] * k[token * u.width + c]; }
    }
    scoreParts[local % 8 * 68 + j] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var e = 0; e < 8; e++) { sum += scoreParts[e * 68 + local]; }
  return sum;
}

var<workgroup> slopeOfParts: array<f32, 544>;
fn slopeOf(line: i32, i0: i32, local: i32) -> f32 {
  tokens[local] = tokenAt(line, i0 + local);
  workgroupBarrier();
  for (var j = local / 8; j < 64; j += 8) {
    let token = tokens[j];
    var sum = 0.0;
    if (token >= 0) {
      for (var c = local % 8; c < u.width; c += 8) { sum += dO[line * u.width + c] * v[token * u.width + c]; }
    }
    slopeOfParts[local % 8 * 68 + j] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var e = 0; e < 8; e++) { sum += slopeOfParts[e * 68 + local]; }
  return sum;
}

var<workgroup> rowSlopes: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let t = line % u.length;
  let at = line * u.seen + local; // every thread reads again what it wrote alone
  var largest = -1e30;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    let x = select(-1e30, score(line, i0, local) * u.scale, tokens[local] >= 0);
    if (i0 + local < u.seen) { weights[at + i0] = x; }
    largest = max(largest, x);
  }
  largest = highest(largest, local);
  var share = 0.0;
  var term = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    let slope = slopeOf(line, i0, local);
    if (i0 + local < u.seen) {
      let weight = select(0.0, exp(weights[at + i0] - largest), tokens[local] >= 0);
      weights[at + i0] = weight;
      slopes[at + i0] = slope;
      share += weight;
      term += weight * slope;
    }
  }
  let all = total(share, local);
  let rowTerm = total(term, local) / all;
  var sum0 = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    tokens[local] = tokenAt(line, i0 + local);
    var slope = 0.0;
    if (i0 + local < u.seen) {
      let weight = weights[at + i0] / all;
      slope = weight * (slopes[at + i0] - rowTerm) * u.scale;
      weights[at + i0] = weight;
      slopes[at + i0] = slope;
    }
    rowSlopes[local] = slope;
    workgroupBarrier();
    for (var j = 0; j < min(64, u.seen - i0); j++) {
      let token = tokens[j];
      if (token >= 0) {
        if (local + 0 < u.width) { sum0 += rowSlopes[j] * k[token * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  if (local + 0 < u.width) { dQ[line * u.width + local + 0] = sum0; }
}

@group(0) @binding(0) var<storage, read_write> dK: array<f32>;
@group(0) @binding(1) var<storage, read_write> dV: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> dO: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> slopes: array<f32>;
@group(0) @binding(6) var<storage, read> retrieved: array<i32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
var<workgroup> named: array<i32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let s = line % u.length;
  let first = line - s;
  let begin = s - s % u.block;
  var keySum0 = 0.0; var valueSum0 = 0.0;
  for (var t = s; t < min(u.length, begin + u.block); t++) {
    let query = first + t;
    let place = query * u.seen + s - begin;
    if (local + 0 < u.width) { keySum0 += slopes[place] * q[query * u.width + local + 0]; valueSum0 += weights[place] * dO[query * u.width + local + 0]; }
  }
  for (var e0 = 0; e0 < u.length * u.count; e0 += 64) {
    let e = e0 + local;
    let index = select(-1, retrieved[first * u.count + min(e, u.length * u.count - 1)], e < u.length * u.count);
    let query = first + e / u.count;
    named[local] = select(-1, query * u.seen + u.block + e % u.count * u.unit + s % u.unit, index == s / u.unit);
    workgroupBarrier();
    for (var j = 0; j < min(64, u.length * u.count - e0); j++) {
      let place = named[j];
      if (place >= 0) {
        let query = place / u.seen;
        if (local + 0 < u.width) { keySum0 += slopes[place] * q[query * u.width + local + 0]; valueSum0 += weights[place] * dO[query * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  if (local + 0 < u.width) { dK[line * u.width + local + 0] = keySum0; }
  if (local + 0 < u.width) { dV[line * u.width + local + 0] = valueSum0; }
}