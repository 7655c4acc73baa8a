// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> normaliser: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
struct Uniforms { lines: i32, tiles: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, window: i32, headsLast: i32, scale: f32, eps: f32, keptScale: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
var<workgroup> leftPanel: array<vec4f, 144>;
var<workgroup> rightPanel: array<vec4f, 144>;
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}

fn weight(x: vec4f) -> vec4f { return x; }
var<workgroup> weights: array<vec4f, 288>;
var<workgroup> values: array<vec4f, 256>;
var<workgroup> shares: array<vec4f, 64>;
fn acrossSum(share: vec4f, tx: i32, ty: i32) -> vec4f {
  workgroupBarrier();
  shares[8 * tx + ty] = share;
  workgroupBarrier();
  var all = shares[ty];
  for (var x = 1; x < 8; x++) { all = all + shares[8 * x + ty]; }
  return all;
}

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let t0 = (u.tiles - 1 - line % u.tiles) * 32;
  let row = t0 + 4 * ty;
  let head = line / u.tiles;
  let b = head / u.nHeads;
  let h = head % u.nHeads;
  let offset = u.keys - u.queries;
  let qAt = (b * u.queries * u.nHeads + h) * u.p;
  let kAt = (b * u.keys * u.nHeads + h) * u.p;
  let vAt = (b * u.keys * u.nHeads + h) * u.r;
  let oAt = (b * u.queries * u.nHeads + h) * u.r;
  let normaliserRow = select(1, u.nHeads, u.headsLast == 1);
  let termAt = b * u.queries * u.nHeads + h;
  let normaliserAt = select(head * u.queries, termAt, u.headsLast == 1);
  var sum00 = vec4f();
  var sum01 = vec4f();
  var sum02 = vec4f();
  var sum03 = vec4f();
  var largest = vec4f(-1e30);
  var total = vec4f();
  let last = min(u.keys, offset + t0 + 32);
  let first = select(0, max(0, offset + t0 - u.window + 1) / 32 * 32, u.window > 0);
  for (var s0 = first; s0 < last; s0 += 32) {
    var x0 = vec4f();
    var x1 = vec4f();
    var x2 = vec4f();
    var x3 = vec4f();
    for (var c0 = 0; c0 < u.p; c0 += 16) {
      workgroupBarrier();
      for (var l = local; l < 128; l += 64) {
        let c = c0 + l % 16;
        let i = 4 * (l / 16);
        leftPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, q[qAt + min((t0 + i + 0), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 0) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 1), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 1) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 2), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 2) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 3), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 3) < u.queries && c < u.p));
        rightPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, k[kAt + min((s0 + i + 0), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 0) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 1), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 1) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 2), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 2) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 3), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 3) < u.keys && c < u.p));
      }
      workgroupBarrier();
      for (var c = 0; c < 16; c++) {
        let left = leftPanel[c * 9 + ty];
        let right = rightPanel[c * 9 + tx];
        x0 = fma(vec4f(left[0]), right, x0);
        x1 = fma(vec4f(left[1]), right, x1);
        x2 = fma(vec4f(left[2]), right, x2);
        x3 = fma(vec4f(left[3]), right, x3);
      }
    }
    let key = s0 + 4 * tx + vec4i(0, 1, 2, 3);
    let back0 = offset + row + 0 - key;
    let seen0 = visible(back0, key);
    x0 = x0 * u.scale;
    let back1 = offset + row + 1 - key;
    let seen1 = visible(back1, key);
    x1 = x1 * u.scale;
    let back2 = offset + row + 2 - key;
    let seen2 = visible(back2, key);
    x2 = x2 * u.scale;
    let back3 = offset + row + 3 - key;
    let seen3 = visible(back3, key);
    x3 = x3 * u.scale;
    x0 = select(vec4f(), weight(x0), seen0);
    x1 = select(vec4f(), weight(x1), seen1);
    x2 = select(vec4f(), weight(x2), seen2);
    x3 = select(vec4f(), weight(x3), seen3);
    total += vec4f(dot(x0, vec4f(1.0)), dot(x1, vec4f(1.0)), dot(x2, vec4f(1.0)), dot(x3, vec4f(1.0)));
    workgroupBarrier();
    weights[(4 * tx + 0) * 9 + ty] = vec4f(x0[0], x1[0], x2[0], x3[0]);
    weights[(4 * tx + 1) * 9 + ty] = vec4f(x0[1], x1[1], x2[1], x3[1]);
    weights[(4 * tx + 2) * 9 + ty] = vec4f(x0[2], x1[2], x2[2], x3[2]);
    weights[(4 * tx + 3) * 9 + ty] = vec4f(x0[3], x1[3], x2[3], x3[3]);
    workgroupBarrier();
    for (var l = local; l < 256; l += 64) {
      let s = s0 + l / 8;
      let c = 0 + 4 * (l % 8);
      values[l] = vec4f(select(0.0, v[vAt + min(s, u.keys - 1) * u.nHeads * u.r + min((c + 0), u.r - 1)], s < u.keys && (c + 0) < u.r), select(0.0, v[vAt + min(s, u.keys - 1) * u.nHeads * u.r + min((c + 1), u.r - 1)], s < u.keys && (c + 1) < u.r), select(0.0, v[vAt + min(s, u.keys - 1) * u.nHeads * u.r + min((c + 2), u.r - 1)], s < u.keys && (c + 2) < u.r), select(0.0, v[vAt + min(s, u.keys - 1) * u.nHeads * u.r + min((c + 3), u.r - 1)], s < u.keys && (c + 3) < u.r));
    }
    workgroupBarrier();
    for (var s = 0; s < 32; s++) {
      let left = weights[s * 9 + ty];
      let right = values[s * 8 + tx];
      sum00 = fma(vec4f(left[0]), right, sum00);
      sum01 = fma(vec4f(left[1]), right, sum01);
      sum02 = fma(vec4f(left[2]), right, sum02);
      sum03 = fma(vec4f(left[3]), right, sum03);
    }
  }
  total = acrossSum(total, tx, ty);
  let divisor = vec4f(1.0);
  sum00 /= divisor[0];
  sum01 /= divisor[1];
  sum02 /= divisor[2];
  sum03 /= divisor[3];
  for (var j = 0; j < 4; j++) { if (row + 0 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 0) * u.nHeads * u.r + 0 + 4 * tx + j] = sum00[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 1 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 1) * u.nHeads * u.r + 0 + 4 * tx + j] = sum01[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 2 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 2) * u.nHeads * u.r + 0 + 4 * tx + j] = sum02[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 3 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 3) * u.nHeads * u.r + 0 + 4 * tx + j] = sum03[j]; } }
  if (tx == 0 && row + 0 < u.queries) {
    normaliser[normaliserAt + (row + 0) * normaliserRow] = divisor[0];
  }
  if (tx == 0 && row + 1 < u.queries) {
    normaliser[normaliserAt + (row + 1) * normaliserRow] = divisor[1];
  }
  if (tx == 0 && row + 2 < u.queries) {
    normaliser[normaliserAt + (row + 2) * normaliserRow] = divisor[2];
  }
  if (tx == 0 && row + 3 < u.queries) {
    normaliser[normaliserAt + (row + 3) * normaliserRow] = divisor[3];
  }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> v: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, columns: i32, r: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  to[i] = select(0.0, v[row * u.r + min(column, u.r - 1)], column < u.r);
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, columns: i32, dim: i32, features: i32, factor: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn z(at: i32) -> f32 { return u.factor * x[at]; }
fn feature(at: i32, i: i32) -> f32 {return z(at + i);}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  to[i] = select(0.0, feature(row * u.dim, min(column, u.features - 1)), column < u.features);
}

@group(0) @binding(0) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
struct Uniforms { m: i32, k: i32, n: i32, aBatch: i32, bBatch: i32, aOffset: i32, bOffset: i32, cOffset: i32, splits: i32, perSplit: i32, splitSize: i32, lines: i32, tilesM: i32, tilesN: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
var<workgroup> aPanel: array<vec4f, 144>;
var<workgroup> bPanel: array<vec4f, 144>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let product = line / (u.tilesM * u.tilesN);
  let batch = product / u.splits;
  let split = product % u.splits;
  let aFirst = line % u.tilesM * 32;
  let bFirst = line / u.tilesM % u.tilesN * 32;
  let aAt = u.aOffset + batch * u.aBatch;
  let bAt = u.bOffset + batch * u.bBatch;
  let aLast = u.m * u.k - 1;
  let bLast = u.k * u.n - 1;
  let cAt = u.cOffset + split * u.splitSize + batch * u.m * u.n;
  let begin = split * u.perSplit;
  let last = min(u.k, begin + u.perSplit);
  var sum000 = vec4f();
  var sum010 = vec4f();
  var sum020 = vec4f();
  var sum030 = vec4f();
  for (var p0 = begin; p0 < last; p0 += 16) {
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l / 8;
      let i = aFirst + 4 * (l % 8);
      let inside = p < last;
      aPanel[(l / 8) * 9 + l % 8] = select(vec4f(), a[(aAt + min(p * u.m + i, aLast)) / 4], inside && i < u.m);
    }
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l / 8;
      let i = bFirst + 4 * (l % 8);
      let inside = p < last;
      bPanel[(l / 8) * 9 + l % 8] = select(vec4f(), b[(bAt + min(p * u.n + i, bLast)) / 4], inside && i < u.n);
    }
    workgroupBarrier();
    for (var p = 0; p < 16; p++) {
      let a0 = aPanel[p * 9 + 0 + ty];
      let b0 = bPanel[p * 9 + 0 + tx];
      sum000 = fma(vec4f(a0[0]), b0, sum000);
      sum010 = fma(vec4f(a0[1]), b0, sum010);
      sum020 = fma(vec4f(a0[2]), b0, sum020);
      sum030 = fma(vec4f(a0[3]), b0, sum030);
    }
    workgroupBarrier();
  }
  {
    let i = aFirst + 4 * (0 + ty);
    let j = bFirst + 4 * (0 + tx);
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030; }
  }
}

@group(0) @binding(0) var<storage, read_write> states: array<f32>;
struct Uniforms { size: i32, cells: i32, chunks: i32 }
@group(0) @binding(1) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var step = 0; step < u.chunks; step++) {
    let chunk = step;
    let at = (i / u.cells * u.chunks + chunk) * u.cells + i % u.cells;
    let own = states[at];
    states[at] = sum;
    sum += own;
  }
}

@group(0) @binding(0) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
struct Uniforms { m: i32, k: i32, n: i32, aBatch: i32, bBatch: i32, aOffset: i32, bOffset: i32, cOffset: i32, splits: i32, perSplit: i32, splitSize: i32, lines: i32, tilesM: i32, tilesN: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
var<workgroup> aPanel: array<vec4f, 144>;
var<workgroup> bPanel: array<vec4f, 144>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let product = line / (u.tilesM * u.tilesN);
  let batch = product / u.splits;
  let split = product % u.splits;
  let aFirst = line % u.tilesM * 32;
  let bFirst = line / u.tilesM % u.tilesN * 32;
  let aAt = u.aOffset + batch * u.aBatch;
  let bAt = u.bOffset + batch * u.bBatch;
  let aLast = u.m * u.k - 1;
  let bLast = u.k * u.n - 1;
  let cAt = u.cOffset + split * u.splitSize + batch * u.m * u.n;
  let begin = split * u.perSplit;
  let last = min(u.k, begin + u.perSplit);
  var sum000 = vec4f();
  var sum010 = vec4f();
  var sum020 = vec4f();
  var sum030 = vec4f();
  for (var p0 = begin; p0 < last; p0 += 16) {
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l % 16;
      let i = aFirst + 4 * (l / 16);
      let inside = p < last;
      aPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, a[aAt + min((i + 0) * u.k + p, aLast)], inside && i + 0 < u.m), select(0.0, a[aAt + min((i + 1) * u.k + p, aLast)], inside && i + 1 < u.m), select(0.0, a[aAt + min((i + 2) * u.k + p, aLast)], inside && i + 2 < u.m), select(0.0, a[aAt + min((i + 3) * u.k + p, aLast)], inside && i + 3 < u.m));
    }
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l / 8;
      let i = bFirst + 4 * (l % 8);
      let inside = p < last;
      bPanel[(l / 8) * 9 + l % 8] = select(vec4f(), b[(bAt + min(p * u.n + i, bLast)) / 4], inside && i < u.n);
    }
    workgroupBarrier();
    for (var p = 0; p < 16; p++) {
      let a0 = aPanel[p * 9 + 0 + ty];
      let b0 = bPanel[p * 9 + 0 + tx];
      sum000 = fma(vec4f(a0[0]), b0, sum000);
      sum010 = fma(vec4f(a0[1]), b0, sum010);
      sum020 = fma(vec4f(a0[2]), b0, sum020);
      sum030 = fma(vec4f(a0[3]), b0, sum030);
    }
    workgroupBarrier();
  }
  {
    let i = aFirst + 4 * (0 + ty);
    let j = bFirst + 4 * (0 + tx);
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030; }
  }
}

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> normaliser: array<f32>;
@group(0) @binding(2) var<storage, read> within: array<f32>;
@group(0) @binding(3) var<storage, read> withinO: array<f32>;
@group(0) @binding(4) var<storage, read> sums: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, width: i32, r: i32, dim: i32, columns: i32, featureColumns: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let element = u.first * u.length * u.nHeads * u.width + i;
  let column = element % u.width;
  let row = element / u.width;
  let h = row % u.nHeads;
  let t = row / u.nHeads % u.length;
  let b = row / (u.nHeads * u.length);
  let inChunk = (b * u.paddedLength + t) * u.nHeads + h;
  let padded = ((b - u.first) * u.nHeads + h) * u.paddedLength + t;
  let share = within[inChunk];
  let all = 1.0;
  o[element] = (withinO[inChunk * u.r + column] * share + sums[padded * u.columns + column]) / all;
  if (column == 0) { normaliser[(b * u.nHeads + h) * u.length + t] = all; }
}

@group(0) @binding(0) var<storage, read_write> dq: array<f32>;
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> dO: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
struct Uniforms { lines: i32, tiles: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, window: i32, headsLast: i32, scale: f32, eps: f32, keptScale: f32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
var<workgroup> leftPanel: array<vec4f, 144>;
var<workgroup> rightPanel: array<vec4f, 144>;
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}

fn weight(x: vec4f) -> vec4f { return x; }
fn derivative(x: vec4f) -> vec4f { return vec4f(1.0); }
var<workgroup> weights: array<vec4f, 288>;
var<workgroup> values: array<vec4f, 256>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let t0 = (u.tiles - 1 - line % u.tiles) * 32;
  let row = t0 + 4 * ty;
  let head = line / u.tiles;
  let b = head / u.nHeads;
  let h = head % u.nHeads;
  let offset = u.keys - u.queries;
  let qAt = (b * u.queries * u.nHeads + h) * u.p;
  let kAt = (b * u.keys * u.nHeads + h) * u.p;
  let vAt = (b * u.keys * u.nHeads + h) * u.r;
  let oAt = (b * u.queries * u.nHeads + h) * u.r;
  let normaliserRow = select(1, u.nHeads, u.headsLast == 1);
  let termAt = b * u.queries * u.nHeads + h;
  let normaliserAt = select(head * u.queries, termAt, u.headsLast == 1);
  var sum00 = vec4f();
  var sum01 = vec4f();
  var sum02 = vec4f();
  var sum03 = vec4f();
  let last = min(u.keys, offset + t0 + 32);
  let first = select(0, max(0, offset + t0 - u.window + 1) / 32 * 32, u.window > 0);
  for (var s0 = first; s0 < last; s0 += 32) {
    var x0 = vec4f();
    var x1 = vec4f();
    var x2 = vec4f();
    var x3 = vec4f();
    for (var c0 = 0; c0 < u.p; c0 += 16) {
      workgroupBarrier();
      for (var l = local; l < 128; l += 64) {
        let c = c0 + l % 16;
        let i = 4 * (l / 16);
        leftPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, q[qAt + min((t0 + i + 0), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 0) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 1), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 1) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 2), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 2) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 3), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 3) < u.queries && c < u.p));
        rightPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, k[kAt + min((s0 + i + 0), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 0) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 1), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 1) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 2), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 2) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 3), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 3) < u.keys && c < u.p));
      }
      workgroupBarrier();
      for (var c = 0; c < 16; c++) {
        let left = leftPanel[c * 9 + ty];
        let right = rightPanel[c * 9 + tx];
        x0 = fma(vec4f(left[0]), right, x0);
        x1 = fma(vec4f(left[1]), right, x1);
        x2 = fma(vec4f(left[2]), right, x2);
        x3 = fma(vec4f(left[3]), right, x3);
      }
    }
    var g0 = vec4f();
    var g1 = vec4f();
    var g2 = vec4f();
    var g3 = vec4f();
    for (var c0 = 0; c0 < u.r; c0 += 16) {
      workgroupBarrier();
      for (var l = local; l < 128; l += 64) {
        let c = c0 + l % 16;
        let i = 4 * (l / 16);
        leftPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, dO[oAt + min((t0 + i + 0), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 0) < u.queries && c < u.r), select(0.0, dO[oAt + min((t0 + i + 1), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 1) < u.queries && c < u.r), select(0.0, dO[oAt + min((t0 + i + 2), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 2) < u.queries && c < u.r), select(0.0, dO[oAt + min((t0 + i + 3), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 3) < u.queries && c < u.r));
        rightPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, v[vAt + min((s0 + i + 0), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 0) < u.keys && c < u.r), select(0.0, v[vAt + min((s0 + i + 1), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 1) < u.keys && c < u.r), select(0.0, v[vAt + min((s0 + i + 2), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 2) < u.keys && c < u.r), select(0.0, v[vAt + min((s0 + i + 3), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 3) < u.keys && c < u.r));
      }
      workgroupBarrier();
      for (var c = 0; c < 16; c++) {
        let left = leftPanel[c * 9 + ty];
        let right = rightPanel[c * 9 + tx];
        g0 = fma(vec4f(left[0]), right, g0);
        g1 = fma(vec4f(left[1]), right, g1);
        g2 = fma(vec4f(left[2]), right, g2);
        g3 = fma(vec4f(left[3]), right, g3);
      }
    }
    let key = s0 + 4 * tx + vec4i(0, 1, 2, 3);
    let back0 = offset + row + 0 - key;
    let seen0 = visible(back0, key);
    x0 = x0 * u.scale;
    let a0 = select(vec4f(), weight(x0), seen0);
    let dx0 = select(vec4f(), derivative(x0) * g0 * u.scale, seen0);
    let back1 = offset + row + 1 - key;
    let seen1 = visible(back1, key);
    x1 = x1 * u.scale;
    let a1 = select(vec4f(), weight(x1), seen1);
    let dx1 = select(vec4f(), derivative(x1) * g1 * u.scale, seen1);
    let back2 = offset + row + 2 - key;
    let seen2 = visible(back2, key);
    x2 = x2 * u.scale;
    let a2 = select(vec4f(), weight(x2), seen2);
    let dx2 = select(vec4f(), derivative(x2) * g2 * u.scale, seen2);
    let back3 = offset + row + 3 - key;
    let seen3 = visible(back3, key);
    x3 = x3 * u.scale;
    let a3 = select(vec4f(), weight(x3), seen3);
    let dx3 = select(vec4f(), derivative(x3) * g3 * u.scale, seen3);
    workgroupBarrier();
    weights[(4 * tx + 0) * 9 + ty] = vec4f(dx0[0], dx1[0], dx2[0], dx3[0]);
    weights[(4 * tx + 1) * 9 + ty] = vec4f(dx0[1], dx1[1], dx2[1], dx3[1]);
    weights[(4 * tx + 2) * 9 + ty] = vec4f(dx0[2], dx1[2], dx2[2], dx3[2]);
    weights[(4 * tx + 3) * 9 + ty] = vec4f(dx0[3], dx1[3], dx2[3], dx3[3]);
    workgroupBarrier();
    for (var l = local; l < 256; l += 64) {
      let s = s0 + l / 8;
      let c = 0 + 4 * (l % 8);
      values[l] = vec4f(select(0.0, k[kAt + min(s, u.keys - 1) * u.nHeads * u.p + min((c + 0), u.p - 1)], s < u.keys && (c + 0) < u.p), select(0.0, k[kAt + min(s, u.keys - 1) * u.nHeads * u.p + min((c + 1), u.p - 1)], s < u.keys && (c + 1) < u.p), select(0.0, k[kAt + min(s, u.keys - 1) * u.nHeads * u.p + min((c + 2), u.p - 1)], s < u.keys && (c + 2) < u.p), select(0.0, k[kAt + min(s, u.keys - 1) * u.nHeads * u.p + min((c + 3), u.p - 1)], s < u.keys && (c + 3) < u.p));
    }
    workgroupBarrier();
    for (var s = 0; s < 32; s++) {
      let left = weights[s * 9 + ty];
      let right = values[s * 8 + tx];
      sum00 = fma(vec4f(left[0]), right, sum00);
      sum01 = fma(vec4f(left[1]), right, sum01);
      sum02 = fma(vec4f(left[2]), right, sum02);
      sum03 = fma(vec4f(left[3]), right, sum03);
    }
  }
  for (var j = 0; j < 4; j++) { if (row + 0 < u.queries && 0 + 4 * tx + j < u.p) { dq[qAt + (row + 0) * u.nHeads * u.p + 0 + 4 * tx + j] = sum00[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 1 < u.queries && 0 + 4 * tx + j < u.p) { dq[qAt + (row + 1) * u.nHeads * u.p + 0 + 4 * tx + j] = sum01[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 2 < u.queries && 0 + 4 * tx + j < u.p) { dq[qAt + (row + 2) * u.nHeads * u.p + 0 + 4 * tx + j] = sum02[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 3 < u.queries && 0 + 4 * tx + j < u.p) { dq[qAt + (row + 3) * u.nHeads * u.p + 0 + 4 * tx + j] = sum03[j]; } }
}

@group(0) @binding(0) var<storage, read_write> dk: array<f32>;
@group(0) @binding(1) var<storage, read_write> dv: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<f32>;
@group(0) @binding(4) var<storage, read> v: array<f32>;
@group(0) @binding(5) var<storage, read> dO: array<f32>;
struct Uniforms { lines: i32, tiles: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, window: i32, headsLast: i32, scale: f32, eps: f32, keptScale: f32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
var<workgroup> leftPanel: array<vec4f, 144>;
var<workgroup> rightPanel: array<vec4f, 144>;
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}

fn weight(x: vec4f) -> vec4f { return x; }
fn derivative(x: vec4f) -> vec4f { return vec4f(1.0); }
var<workgroup> weights: array<vec4f, 288>;
var<workgroup> values: array<vec4f, 256>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let s0 = line % u.tiles * 32;
  let row = s0 + 4 * ty;
  let head = line / u.tiles;
  let b = head / u.nHeads;
  let h = head % u.nHeads;
  let offset = u.keys - u.queries;
  let qAt = (b * u.queries * u.nHeads + h) * u.p;
  let kAt = (b * u.keys * u.nHeads + h) * u.p;
  let vAt = (b * u.keys * u.nHeads + h) * u.r;
  let oAt = (b * u.queries * u.nHeads + h) * u.r;
  let normaliserRow = select(1, u.nHeads, u.headsLast == 1);
  let termAt = b * u.queries * u.nHeads + h;
  let normaliserAt = select(head * u.queries, termAt, u.headsLast == 1);
  var sum00 = vec4f();
  var sum01 = vec4f();
  var sum02 = vec4f();
  var sum03 = vec4f();
  var valueSum00 = vec4f();
  var valueSum01 = vec4f();
  var valueSum02 = vec4f();
  var valueSum03 = vec4f();
  let first = max(0, s0 - offset) / 32 * 32;
  let last = select(u.queries, min(u.queries, s0 + 31 + u.window - offset), u.window > 0);
  for (var t0 = first; t0 < last; t0 += 32) {
    let query = t0 + 4 * tx + vec4i(0, 1, 2, 3);
    var x0 = vec4f();
    var x1 = vec4f();
    var x2 = vec4f();
    var x3 = vec4f();
    for (var c0 = 0; c0 < u.p; c0 += 16) {
      workgroupBarrier();
      for (var l = local; l < 128; l += 64) {
        let c = c0 + l % 16;
        let i = 4 * (l / 16);
        leftPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, k[kAt + min((s0 + i + 0), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 0) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 1), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 1) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 2), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 2) < u.keys && c < u.p), select(0.0, k[kAt + min((s0 + i + 3), u.keys - 1) * u.nHeads * u.p + min(c, u.p - 1)], (s0 + i + 3) < u.keys && c < u.p));
        rightPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, q[qAt + min((t0 + i + 0), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 0) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 1), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 1) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 2), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 2) < u.queries && c < u.p), select(0.0, q[qAt + min((t0 + i + 3), u.queries - 1) * u.nHeads * u.p + min(c, u.p - 1)], (t0 + i + 3) < u.queries && c < u.p));
      }
      workgroupBarrier();
      for (var c = 0; c < 16; c++) {
        let left = leftPanel[c * 9 + ty];
        let right = rightPanel[c * 9 + tx];
        x0 = fma(vec4f(left[0]), right, x0);
        x1 = fma(vec4f(left[1]), right, x1);
        x2 = fma(vec4f(left[2]), right, x2);
        x3 = fma(vec4f(left[3]), right, x3);
      }
    }
    var g0 = vec4f();
    var g1 = vec4f();
    var g2 = vec4f();
    var g3 = vec4f();
    for (var c0 = 0; c0 < u.r; c0 += 16) {
      workgroupBarrier();
      for (var l = local; l < 128; l += 64) {
        let c = c0 + l % 16;
        let i = 4 * (l / 16);
        leftPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, v[vAt + min((s0 + i + 0), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 0) < u.keys && c < u.r), select(0.0, v[vAt + min((s0 + i + 1), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 1) < u.keys && c < u.r), select(0.0, v[vAt + min((s0 + i + 2), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 2) < u.keys && c < u.r), select(0.0, v[vAt + min((s0 + i + 3), u.keys - 1) * u.nHeads * u.r + min(c, u.r - 1)], (s0 + i + 3) < u.keys && c < u.r));
        rightPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, dO[oAt + min((t0 + i + 0), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 0) < u.queries && c < u.r), select(0.0, dO[oAt + min((t0 + i + 1), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 1) < u.queries && c < u.r), select(0.0, dO[oAt + min((t0 + i + 2), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 2) < u.queries && c < u.r), select(0.0, dO[oAt + min((t0 + i + 3), u.queries - 1) * u.nHeads * u.r + min(c, u.r - 1)], (t0 + i + 3) < u.queries && c < u.r));
      }
      workgroupBarrier();
      for (var c = 0; c < 16; c++) {
        let left = leftPanel[c * 9 + ty];
        let right = rightPanel[c * 9 + tx];
        g0 = fma(vec4f(left[0]), right, g0);
        g1 = fma(vec4f(left[1]), right, g1);
        g2 = fma(vec4f(left[2]), right, g2);
        g3 = fma(vec4f(left[3]), right, g3);
      }
    }
    let back0 = offset + query - (row + 0);
    let seen0 = visible(back0, vec4i(row + 0)) & (query < vec4i(u.queries));
    x0 = x0 * u.scale;
    let a0 = select(vec4f(), weight(x0), seen0);
    let dx0 = select(vec4f(), derivative(x0) * g0 * u.scale, seen0);
    let back1 = offset + query - (row + 1);
    let seen1 = visible(back1, vec4i(row + 1)) & (query < vec4i(u.queries));
    x1 = x1 * u.scale;
    let a1 = select(vec4f(), weight(x1), seen1);
    let dx1 = select(vec4f(), derivative(x1) * g1 * u.scale, seen1);
    let back2 = offset + query - (row + 2);
    let seen2 = visible(back2, vec4i(row + 2)) & (query < vec4i(u.queries));
    x2 = x2 * u.scale;
    let a2 = select(vec4f(), weight(x2), seen2);
    let dx2 = select(vec4f(), derivative(x2) * g2 * u.scale, seen2);
    let back3 = offset + query - (row + 3);
    let seen3 = visible(back3, vec4i(row + 3)) & (query < vec4i(u.queries));
    x3 = x3 * u.scale;
    let a3 = select(vec4f(), weight(x3), seen3);
    let dx3 = select(vec4f(), derivative(x3) * g3 * u.scale, seen3);
    workgroupBarrier();
    weights[(4 * tx + 0) * 9 + ty] = vec4f(a0[0], a1[0], a2[0], a3[0]);
    weights[(4 * tx + 1) * 9 + ty] = vec4f(a0[1], a1[1], a2[1], a3[1]);
    weights[(4 * tx + 2) * 9 + ty] = vec4f(a0[2], a1[2], a2[2], a3[2]);
    weights[(4 * tx + 3) * 9 + ty] = vec4f(a0[3], a1[3], a2[3], a3[3]);
    workgroupBarrier();
    for (var l = local; l < 256; l += 64) {
      let s = t0 + l / 8;
      let c = 0 + 4 * (l % 8);
      values[l] = vec4f(select(0.0, dO[oAt + min(s, u.queries - 1) * u.nHeads * u.r + min((c + 0), u.r - 1)], s < u.queries && (c + 0) < u.r), select(0.0, dO[oAt + min(s, u.queries - 1) * u.nHeads * u.r + min((c + 1), u.r - 1)], s < u.queries && (c + 1) < u.r), select(0.0, dO[oAt + min(s, u.queries - 1) * u.nHeads * u.r + min((c + 2), u.r - 1)], s < u.queries && (c + 2) < u.r), select(0.0, dO[oAt + min(s, u.queries - 1) * u.nHeads * u.r + min((c + 3), u.r - 1)], s < u.queries && (c + 3) < u.r));
    }
    workgroupBarrier();
    for (var s = 0; s < 32; s++) {
      let left = weights[s * 9 + ty];
      let right = values[s * 8 + tx];
      valueSum00 = fma(vec4f(left[0]), right, valueSum00);
      valueSum01 = fma(vec4f(left[1]), right, valueSum01);
      valueSum02 = fma(vec4f(left[2]), right, valueSum02);
      valueSum03 = fma(vec4f(left[3]), right, valueSum03);
    }
    workgroupBarrier();
    weights[(4 * tx + 0) * 9 + ty] = vec4f(dx0[0], dx1[0], dx2[0], dx3[0]);
    weights[(4 * tx + 1) * 9 + ty] = vec4f(dx0[1], dx1[1], dx2[1], dx3[1]);
    weights[(4 * tx + 2) * 9 + ty] = vec4f(dx0[2], dx1[2], dx2[2], dx3[2]);
    weights[(4 * tx + 3) * 9 + ty] = vec4f(dx0[3], dx1[3], dx2[3], dx3[3]);
    workgroupBarrier();
    for (var l = local; l < 256; l += 64) {
      let s = t0 + l / 8;
      let c = 0 + 4 * (l % 8);
      values[l] = vec4f(select(0.0, q[qAt + min(s, u.queries - 1) * u.nHeads * u.p + min((c + 0), u.p - 1)], s < u.queries && (c + 0) < u.p), select(0.0, q[qAt + min(s, u.queries - 1) * u.nHeads * u.p + min((c + 1), u.p - 1)], s < u.queries && (c + 1) < u.p), select(0.0, q[qAt + min(s, u.queries - 1) * u.nHeads * u.p + min((c + 2), u.p - 1)], s < u.queries && (c + 2) < u.p), select(0.0, q[qAt + min(s, u.queries - 1) * u.nHeads * u.p + min((c + 3), u.p - 1)], s < u.queries && (c + 3) < u.p));
    }
    workgroupBarrier();
    for (var s = 0; s < 32; s++) {
      let left = weights[s * 9 + ty];
      let right = values[s * 8 + tx];
      sum00 = fma(vec4f(left[0]), right, sum00);
      sum01 = fma(vec4f(left[1]), right, sum01);
      sum02 = fma(vec4f(left[2]), right, sum02);
      sum03 = fma(vec4f(left[3]), right, sum03);
    }
  }
  for (var j = 0; j < 4; j++) { if (row + 0 < u.keys && 0 + 4 * tx + j < u.p) { dk[kAt + (row + 0) * u.nHeads * u.p + 0 + 4 * tx + j] = sum00[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 1 < u.keys && 0 + 4 * tx + j < u.p) { dk[kAt + (row + 1) * u.nHeads * u.p + 0 + 4 * tx + j] = sum01[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 2 < u.keys && 0 + 4 * tx + j < u.p) { dk[kAt + (row + 2) * u.nHeads * u.p + 0 + 4 * tx + j] = sum02[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 3 < u.keys && 0 + 4 * tx + j < u.p) { dk[kAt + (row + 3) * u.nHeads * u.p + 0 + 4 * tx + j] = sum03[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 0 < u.keys && 0 + 4 * tx + j < u.r) { dv[vAt + (row + 0) * u.nHeads * u.r + 0 + 4 * tx + j] = valueSum00[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 1 < u.keys && 0 + 4 * tx + j < u.r) { dv[vAt + (row + 1) * u.nHeads * u.r + 0 + 4 * tx + j] = valueSum01[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 2 < u.keys && 0 + 4 * tx + j < u.r) { dv[vAt + (row + 2) * u.nHeads * u.r + 0 + 4 * tx + j] = valueSum02[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 3 < u.keys && 0 + 4 * tx + j < u.r) { dv[vAt + (row + 3) * u.nHeads * u.r + 0 + 4 * tx + j] = valueSum03[j]; } }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> v: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, columns: i32, r: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  to[i] = select(0.0, v[row * u.r + min(column, u.r - 1)], column < u.r);
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> dO: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, columns: i32, r: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  to[i] = select(0.0, dO[row * u.r + min(column, u.r - 1)], column < u.r);
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, columns: i32, dim: i32, features: i32, factor: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn z(at: i32) -> f32 { return u.factor * x[at]; }
fn feature(at: i32, i: i32) -> f32 {return z(at + i);}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.columns;
  let t = i / u.columns % u.paddedLength;
  let head = i / (u.columns * u.paddedLength);
  let b = u.first + head / u.nHeads;
  let h = head % u.nHeads;
  if (t >= u.length) { to[i] = 0.0; return; }
  let row = (b * u.length + t) * u.nHeads + h;
  to[i] = select(0.0, feature(row * u.dim, min(column, u.features - 1)), column < u.features);
}

@group(0) @binding(0) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<vec4<f32>>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
struct Uniforms { m: i32, k: i32, n: i32, aBatch: i32, bBatch: i32, aOffset: i32, bOffset: i32, cOffset: i32, splits: i32, perSplit: i32, splitSize: i32, lines: i32, tilesM: i32, tilesN: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
var<workgroup> aPanel: array<vec4f, 144>;
var<workgroup> bPanel: array<vec4f, 144>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let product = line / (u.tilesM * u.tilesN);
  let batch = product / u.splits;
  let split = product % u.splits;
  let aFirst = line % u.tilesM * 32;
  let bFirst = line / u.tilesM % u.tilesN * 32;
  let aAt = u.aOffset + batch * u.aBatch;
  let bAt = u.bOffset + batch * u.bBatch;
  let aLast = u.m * u.k - 1;
  let bLast = u.k * u.n - 1;
  let cAt = u.cOffset + split * u.splitSize + batch * u.m * u.n;
  let begin = split * u.perSplit;
  let last = min(u.k, begin + u.perSplit);
  var sum000 = vec4f();
  var sum010 = vec4f();
  var sum020 = vec4f();
  var sum030 = vec4f();
  for (var p0 = begin; p0 < last; p0 += 16) {
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l / 8;
      let i = aFirst + 4 * (l % 8);
      let inside = p < last;
      aPanel[(l / 8) * 9 + l % 8] = select(vec4f(), a[(aAt + min(p * u.m + i, aLast)) / 4], inside && i < u.m);
    }
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l / 8;
      let i = bFirst + 4 * (l % 8);
      let inside = p < last;
      bPanel[(l / 8) * 9 + l % 8] = select(vec4f(), b[(bAt + min(p * u.n + i, bLast)) / 4], inside && i < u.n);
    }
    workgroupBarrier();
    for (var p = 0; p < 16; p++) {
      let a0 = aPanel[p * 9 + 0 + ty];
      let b0 = bPanel[p * 9 + 0 + tx];
      sum000 = fma(vec4f(a0[0]), b0, sum000);
      sum010 = fma(vec4f(a0[1]), b0, sum010);
      sum020 = fma(vec4f(a0[2]), b0, sum020);
      sum030 = fma(vec4f(a0[3]), b0, sum030);
    }
    workgroupBarrier();
  }
  {
    let i = aFirst + 4 * (0 + ty);
    let j = bFirst + 4 * (0 + tx);
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030; }
  }
}

@group(0) @binding(0) var<storage, read_write> states: array<f32>;
struct Uniforms { size: i32, cells: i32, chunks: i32 }
@group(0) @binding(1) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var step = 0; step < u.chunks; step++) {
    let chunk = step;
    let at = (i / u.cells * u.chunks + chunk) * u.cells + i % u.cells;
    let own = states[at];
    states[at] = sum;
    sum += own;
  }
}

@group(0) @binding(0) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
struct Uniforms { m: i32, k: i32, n: i32, aBatch: i32, bBatch: i32, aOffset: i32, bOffset: i32, cOffset: i32, splits: i32, perSplit: i32, splitSize: i32, lines: i32, tilesM: i32, tilesN: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
var<workgroup> aPanel: array<vec4f, 144>;
var<workgroup> bPanel: array<vec4f, 144>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let product = line / (u.tilesM * u.tilesN);
  let batch = product / u.splits;
  let split = product % u.splits;
  let aFirst = line % u.tilesM * 32;
  let bFirst = line / u.tilesM % u.tilesN * 32;
  let aAt = u.aOffset + batch * u.aBatch;
  let bAt = u.bOffset + batch * u.bBatch;
  let aLast = u.m * u.k - 1;
  let bLast = u.k * u.n - 1;
  let cAt = u.cOffset + split * u.splitSize + batch * u.m * u.n;
  let begin = split * u.perSplit;
  let last = min(u.k, begin + u.perSplit);
  var sum000 = vec4f();
  var sum010 = vec4f();
  var sum020 = vec4f();
  var sum030 = vec4f();
  for (var p0 = begin; p0 < last; p0 += 16) {
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l % 16;
      let i = aFirst + 4 * (l / 16);
      let inside = p < last;
      aPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, a[aAt + min((i + 0) * u.k + p, aLast)], inside && i + 0 < u.m), select(0.0, a[aAt + min((i + 1) * u.k + p, aLast)], inside && i + 1 < u.m), select(0.0, a[aAt + min((i + 2) * u.k + p, aLast)], inside && i + 2 < u.m), select(0.0, a[aAt + min((i + 3) * u.k + p, aLast)], inside && i + 3 < u.m));
    }
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l % 16;
      let i = bFirst + 4 * (l / 16);
      let inside = p < last;
      bPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, b[bAt + min((i + 0) * u.k + p, bLast)], inside && i + 0 < u.n), select(0.0, b[bAt + min((i + 1) * u.k + p, bLast)], inside && i + 1 < u.n), select(0.0, b[bAt + min((i + 2) * u.k + p, bLast)], inside && i + 2 < u.n), select(0.0, b[bAt + min((i + 3) * u.k + p, bLast)], inside && i + 3 < u.n));
    }
    workgroupBarrier();
    for (var p = 0; p < 16; p++) {
      let a0 = aPanel[p * 9 + 0 + ty];
      let b0 = bPanel[p * 9 + 0 + tx];
      sum000 = fma(vec4f(a0[0]), b0, sum000);
      sum010 = fma(vec4f(a0[1]), b0, sum010);
      sum020 = fma(vec4f(a0[2]), b0, sum020);
      sum030 = fma(vec4f(a0[3]), b0, sum030);
    }
    workgroupBarrier();
  }
  {
    let i = aFirst + 4 * (0 + ty);
    let j = bFirst + 4 * (0 + tx);
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030; }
  }
}

@group(0) @binding(0) var<storage, read_write> dx: array<f32>;
@group(0) @binding(1) var<storage, read> within: array<f32>;
@group(0) @binding(2) var<storage, read> d: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, width: i32, r: i32, dim: i32, columns: i32, featureColumns: i32, factor: f32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn slope(at: i32, first: i32, a: i32) -> f32 {return d[first + a];}
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let element = u.first * u.length * u.nHeads * u.width + i;
  let column = element % u.width;
  let row = element / u.width;
  let h = row % u.nHeads;
  let t = row / u.nHeads % u.length;
  let b = row / (u.nHeads * u.length);
  let inChunk = (b * u.paddedLength + t) * u.nHeads + h;
  let padded = ((b - u.first) * u.nHeads + h) * u.paddedLength + t;
  dx[element] = within[inChunk * u.dim + column] + u.factor * slope(row * u.dim, padded * u.featureColumns, column);
}

@group(0) @binding(0) var<storage, read_write> states: array<f32>;
struct Uniforms { size: i32, cells: i32, chunks: i32 }
@group(0) @binding(1) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var step = 0; step < u.chunks; step++) {
    let chunk = u.chunks - 1 - step;
    let at = (i / u.cells * u.chunks + chunk) * u.cells + i % u.cells;
    let own = states[at];
    states[at] = sum;
    sum += own;
  }
}

@group(0) @binding(0) var<storage, read_write> c: array<vec4<f32>>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<vec4<f32>>;
struct Uniforms { m: i32, k: i32, n: i32, aBatch: i32, bBatch: i32, aOffset: i32, bOffset: i32, cOffset: i32, splits: i32, perSplit: i32, splitSize: i32, lines: i32, tilesM: i32, tilesN: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
var<workgroup> aPanel: array<vec4f, 144>;
var<workgroup> bPanel: array<vec4f, 144>;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let tx = local % 8;
  let ty = local / 8;
  let product = line / (u.tilesM * u.tilesN);
  let batch = product / u.splits;
  let split = product % u.splits;
  let aFirst = line % u.tilesM * 32;
  let bFirst = line / u.tilesM % u.tilesN * 32;
  let aAt = u.aOffset + batch * u.aBatch;
  let bAt = u.bOffset + batch * u.bBatch;
  let aLast = u.m * u.k - 1;
  let bLast = u.k * u.n - 1;
  let cAt = u.cOffset + split * u.splitSize + batch * u.m * u.n;
  let begin = split * u.perSplit;
  let last = min(u.k, begin + u.perSplit);
  var sum000 = vec4f();
  var sum010 = vec4f();
  var sum020 = vec4f();
  var sum030 = vec4f();
  for (var p0 = begin; p0 < last; p0 += 16) {
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l % 16;
      let i = aFirst + 4 * (l / 16);
      let inside = p < last;
      aPanel[(l % 16) * 9 + l / 16] = vec4f(select(0.0, a[aAt + min((i + 0) * u.k + p, aLast)], inside && i + 0 < u.m), select(0.0, a[aAt + min((i + 1) * u.k + p, aLast)], inside && i + 1 < u.m), select(0.0, a[aAt + min((i + 2) * u.k + p, aLast)], inside && i + 2 < u.m), select(0.0, a[aAt + min((i + 3) * u.k + p, aLast)], inside && i + 3 < u.m));
    }
    for (var l = local; l < 128; l += 64) {
      let p = p0 + l / 8;
      let i = bFirst + 4 * (l % 8);
      let inside = p < last;
      bPanel[(l / 8) * 9 + l % 8] = select(vec4f(), b[(bAt + min(p * u.n + i, bLast)) / 4], inside && i < u.n);
    }
    workgroupBarrier();
    for (var p = 0; p < 16; p++) {
      let a0 = aPanel[p * 9 + 0 + ty];
      let b0 = bPanel[p * 9 + 0 + tx];
      sum000 = fma(vec4f(a0[0]), b0, sum000);
      sum010 = fma(vec4f(a0[1]), b0, sum010);
      sum020 = fma(vec4f(a0[2]), b0, sum020);
      sum030 = fma(vec4f(a0[3]), b0, sum030);
    }
    workgroupBarrier();
  }
  {
    let i = aFirst + 4 * (0 + ty);
    let j = bFirst + 4 * (0 + tx);
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030; }
  }
}

@group(0) @binding(0) var<storage, read_write> dv: array<f32>;
@group(0) @binding(1) var<storage, read> withinDv: array<f32>;
@group(0) @binding(2) var<storage, read> sums: array<f32>;
struct Uniforms { size: i32, first: i32, length: i32, nHeads: i32, paddedLength: i32, width: i32, r: i32, dim: i32, columns: i32, featureColumns: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let element = u.first * u.length * u.nHeads * u.width + i;
  let column = element % u.width;
  let row = element / u.width;
  let h = row % u.nHeads;
  let t = row / u.nHeads % u.length;
  let b = row / (u.nHeads * u.length);
  let inChunk = (b * u.paddedLength + t) * u.nHeads + h;
  let padded = ((b - u.first) * u.nHeads + h) * u.paddedLength + t;
  dv[element] = withinDv[inChunk * u.r + column] + sums[padded * u.columns + column];
}