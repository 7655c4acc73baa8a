// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> weights: array<f32>;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> landmarks: array<f32>;
@group(0) @binding(4) var<storage, read> retrieved: array<i32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, marks: i32, stride: i32, scale: f32 }
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

fn markAt(line: i32, c: i32) -> i32 {
  if (c >= u.count) { return -1; }
  let m = retrieved[line * u.count + c];
  return select(-1, line / u.length * u.marks + m, m >= 0);
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

var<workgroup> markScoreParts: array<f32, 544>;
fn markScore(line: i32, i0: i32, local: i32) -> f32 {
  tokens[local] = markAt(line, i0 + local);
  workgroupBarrier();
  for (var j = local / 8; j < 64; j += 8) {
    let token = tokens[j];
    var sum = 0.0;
    if (token >= 0) {
      for (var c = local % 8; c < u.width; c += 8) { sum += q[line * u.width + c] * landmarks[token * u.width + c]; }
    }
    markScoreParts[local % 8 * 68 + j] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var e = 0; e < 8; e++) { sum += markScoreParts[e * 68 + local]; }
  return sum;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let at = line * u.stride;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    let x = select(-1e30, score(line, i0, local) * u.scale, tokens[local] >= 0);
    if (i0 + local < u.seen) { weights[at + i0 + local] = x; }
  }
  for (var c0 = 0; c0 < u.count; c0 += 64) {
    let y = select(-1e30, markScore(line, c0, local) * u.scale, tokens[local] >= 0);
    if (c0 + local < u.count) { weights[at + u.seen + c0 + local] = y; }
  }
  storageBarrier();
  var ownScore = -1e30;
  var largest = -1e30;
  for (var r = local; r <= u.count; r += 64) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    var top = -1e30;
    for (var e = first; e < first + u.block; e++) { top = max(top, weights[e]); }
    var sum = 0.0;
    for (var e = first; e < first + u.block; e++) {
      let weight = select(0.0, exp(weights[e] - top), weights[e] > -1e30);
      weights[e] = weight;
      sum += weight;
    }
    sum = select(sum, 1.0, sum == 0.0); // nothing chosen
    for (var e = first; e < first + u.block; e++) { weights[e] /= sum; }
    if (r == 0) {
      ownScore = top + log(sum);
      largest = max(largest, ownScore);
    } else {
      largest = max(largest, weights[mark]);
    }
  }
  largest = highest(largest, local);
  var share = 0.0;
  for (var r = local; r <= u.count; r += 64) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    var y = ownScore;
    if (r > 0) { y = weights[mark]; }
    let part = exp(y - largest);
    share += part;
  }
  let all = total(share, local);
  for (var r = local; r <= u.count; r += 64) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    var y = ownScore;
    if (r > 0) { y = weights[mark]; }
    let part = exp(y - largest) / all;
    for (var e = first; e < first + u.block; e++) {
      let weight = part * weights[e];
      weights[e] = weight;
    }
  }
}

@group(0) @binding(0) var<storage, read_write> mixed: array<f32>;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<f32>;
@group(0) @binding(3) var<storage, read> retrieved: array<i32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, marks: i32, stride: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
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

var<workgroup> shares: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let at = line * u.stride;
  var sum0 = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    tokens[local] = tokenAt(line, i0 + local);
    if (i0 + local < u.seen) { shares[local] = factors[at + i0 + local]; }
    workgroupBarrier();
    for (var j = 0; j < min(64, u.seen - i0); j++) {
      let token = tokens[j];
      if (token >= 0) {
        if (local + 0 < u.width) { sum0 += shares[j] * rows[token * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  if (local + 0 < u.width) { mixed[line * u.width + local + 0] = sum0; }
}

@group(0) @binding(0) var<storage, read_write> weights: array<f32>;
@group(0) @binding(1) var<storage, read_write> slopes: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> landmarks: array<f32>;
@group(0) @binding(5) var<storage, read> retrieved: array<i32>;
@group(0) @binding(6) var<storage, read> dO: array<f32>;
@group(0) @binding(7) var<storage, read> v: array<f32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, marks: i32, stride: i32, scale: f32 }
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

fn markAt(line: i32, c: i32) -> i32 {
  if (c >= u.count) { return -1; }
  let m = retrieved[line * u.count + c];
  return select(-1, line / u.length * u.marks + m, m >= 0);
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

var<workgroup> markScoreParts: array<f32, 544>;
fn markScore(line: i32, i0: i32, local: i32) -> f32 {
  tokens[local] = markAt(line, i0 + local);
  workgroupBarrier();
  for (var j = local / 8; j < 64; j += 8) {
    let token = tokens[j];
    var sum = 0.0;
    if (token >= 0) {
      for (var c = local % 8; c < u.width; c += 8) { sum += q[line * u.width + c] * landmarks[token * u.width + c]; }
    }
    markScoreParts[local % 8 * 68 + j] = sum;
  }
  workgroupBarrier();
  var sum = 0.0;
  for (var e = 0; e < 8; e++) { sum += markScoreParts[e * 68 + local]; }
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

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let at = line * u.stride;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    let x = select(-1e30, score(line, i0, local) * u.scale, tokens[local] >= 0);
    if (i0 + local < u.seen) { weights[at + i0 + local] = x; }
    let slope = slopeOf(line, i0, local);
    if (i0 + local < u.seen) { slopes[at + i0 + local] = slope; }
  }
  for (var c0 = 0; c0 < u.count; c0 += 64) {
    let y = select(-1e30, markScore(line, c0, local) * u.scale, tokens[local] >= 0);
    if (c0 + local < u.count) { weights[at + u.seen + c0 + local] = y; }
  }
  storageBarrier();
  var ownScore = -1e30;
  var ownMean = 0.0;
  var largest = -1e30;
  for (var r = local; r <= u.count; r += 64) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    var top = -1e30;
    for (var e = first; e < first + u.block; e++) { top = max(top, weights[e]); }
    var sum = 0.0;
    var mean = 0.0;
    for (var e = first; e < first + u.block; e++) {
      let weight = select(0.0, exp(weights[e] - top), weights[e] > -1e30);
      weights[e] = weight;
      sum += weight;
      mean += weight * slopes[e];
    }
    sum = select(sum, 1.0, sum == 0.0); // nothing chosen
    for (var e = first; e < first + u.block; e++) { weights[e] /= sum; }
    if (r == 0) {
      ownScore = top + log(sum);
      largest = max(largest, ownScore);
      ownMean = mean / sum;
    } else {
      largest = max(largest, weights[mark]);
      slopes[mark] = mean / sum;
    }
  }
  largest = highest(largest, local);
  var share = 0.0;
  var term = 0.0;
  for (var r = local; r <= u.count; r += 64) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    var y = ownScore;
    if (r > 0) { y = weights[mark]; }
    let part = exp(y - largest);
    share += part;
    var mean = ownMean;
    if (r > 0) { mean = slopes[mark]; }
    term += part * mean;
  }
  let all = total(share, local);
  let rowTerm = total(term, local) / all;
  for (var r = local; r <= u.count; r += 64) {
    let first = at + r * u.block;
    let mark = at + u.seen + r - 1;
    var y = ownScore;
    if (r > 0) { y = weights[mark]; }
    let part = exp(y - largest) / all;
    var mean = rowTerm;
    if (r > 0) {
      mean = slopes[mark];
      slopes[mark] = part * (mean - rowTerm) * u.scale;
    }
    for (var e = first; e < first + u.block; e++) {
      let weight = part * weights[e];
      weights[e] = weight;
      slopes[e] = weight * (slopes[e] - mean) * u.scale;
    }
  }
}

@group(0) @binding(0) var<storage, read_write> mixed: array<f32>;
@group(0) @binding(1) var<storage, read> factors: array<f32>;
@group(0) @binding(2) var<storage, read> rows: array<f32>;
@group(0) @binding(3) var<storage, read> retrieved: array<i32>;
@group(0) @binding(4) var<storage, read> landmarks: array<f32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, marks: i32, stride: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
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

fn markAt(line: i32, c: i32) -> i32 {
  if (c >= u.count) { return -1; }
  let m = retrieved[line * u.count + c];
  return select(-1, line / u.length * u.marks + m, m >= 0);
}

var<workgroup> shares: array<f32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let at = line * u.stride;
  var sum0 = 0.0;
  for (var i0 = 0; i0 < u.seen; i0 += 64) {
    tokens[local] = tokenAt(line, i0 + local);
    if (i0 + local < u.seen) { shares[local] = factors[at + i0 + local]; }
    workgroupBarrier();
    for (var j = 0; j < min(64, u.seen - i0); j++) {
      let token = tokens[j];
      if (token >= 0) {
        if (local + 0 < u.width) { sum0 += shares[j] * rows[token * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  for (var i0 = 0; i0 < u.count; i0 += 64) {
    tokens[local] = markAt(line, i0 + local);
    if (i0 + local < u.count) { shares[local] = factors[at + u.seen + i0 + local]; }
    workgroupBarrier();
    for (var j = 0; j < min(64, u.count - i0); j++) {
      let token = tokens[j];
      if (token >= 0) {
        if (local + 0 < u.width) { sum0 += shares[j] * landmarks[token * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  if (local + 0 < u.width) { mixed[line * u.width + local + 0] = sum0; }
}

@group(0) @binding(0) var<storage, read_write> dK: array<f32>;
@group(0) @binding(1) var<storage, read_write> dV: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> dO: array<f32>;
@group(0) @binding(4) var<storage, read> weights: array<f32>;
@group(0) @binding(5) var<storage, read> slopes: array<f32>;
@group(0) @binding(6) var<storage, read> retrieved: array<i32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, marks: i32, stride: i32 }
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

@group(0) @binding(0) var<storage, read_write> dLandmarks: array<f32>;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> retrieved: array<i32>;
@group(0) @binding(3) var<storage, read> slopes: array<f32>;
struct Uniforms { lines: i32, length: i32, width: i32, block: i32, unit: i32, count: i32, seen: i32, marks: i32, stride: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
var<workgroup> chosen: array<i32, 64>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let m = line % u.marks;
  let first = line / u.marks * u.length;
  let end = u.length * u.count;
  var sum0 = 0.0;
  for (var e0 = (m + 1) * u.block * u.count; e0 < end; e0 += 64) {
    let e = min(e0 + local, end - 1);
    let isChosen = e0 + local < end && retrieved[first * u.count + e] == m;
    chosen[local] = select(-1, (first + e / u.count) * u.stride + u.seen + e % u.count, isChosen);
    workgroupBarrier();
    for (var j = 0; j < min(64, end - e0); j++) {
      let place = chosen[j];
      if (place >= 0) {
        let query = place / u.stride;
        if (local + 0 < u.width) { sum0 += slopes[place] * q[query * u.width + local + 0]; }
      }
    }
    workgroupBarrier();
  }
  if (local + 0 < u.width) { dLandmarks[line * u.width + local + 0] = sum0; }
}