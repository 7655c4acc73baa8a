// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> normaliser: array<f32>;
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<f32>;
@group(0) @binding(4) var<storage, read> k: array<f32>;
@group(0) @binding(5) var<storage, read> v: array<f32>;
struct Uniforms { lines: i32, tiles: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, window: i32, headsLast: i32, threshold: i32, seed: i32, scale: f32, eps: f32, keptScale: f32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
var<workgroup> leftPanel: array<vec4f, 144>;
var<workgroup> rightPanel: array<vec4f, 144>;
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}

var<workgroup> shares: array<vec4f, 64>;
fn acrossMax(share: vec4f, tx: i32, ty: i32) -> vec4f {
  workgroupBarrier();
  shares[8 * tx + ty] = share;
  workgroupBarrier();
  var all = shares[ty];
  for (var x = 1; x < 8; x++) { all = max(all, shares[8 * x + ty]); }
  return all;
}

fn hash(counter: u32) -> u32 {
  var bits = counter;
  bits = (bits ^ (bits >> 16)) * 0x7feb352du;
  bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
  return (bits ^ (bits >> 16)) >> 8;
}

fn isKept(index: i32) -> bool {
  return hash(u32(index) * 0x9e3779b9u + bitcast<u32>(u.seed)) >= u32(u.threshold);
}

fn kept(index: i32) -> vec4f { return u.keptScale * vec4f(select(0.0, 1.0, isKept(index + 0)), select(0.0, 1.0, isKept(index + 1)), select(0.0, 1.0, isKept(index + 2)), select(0.0, 1.0, isKept(index + 3))); }
var<workgroup> weights: array<vec4f, 288>;
var<workgroup> values: array<vec4f, 256>;
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
  let slope = slopes[h];
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
    x0 = x0 * u.scale - slope * vec4f(back0);
    let back1 = offset + row + 1 - key;
    let seen1 = visible(back1, key);
    x1 = x1 * u.scale - slope * vec4f(back1);
    let back2 = offset + row + 2 - key;
    let seen2 = visible(back2, key);
    x2 = x2 * u.scale - slope * vec4f(back2);
    let back3 = offset + row + 3 - key;
    let seen3 = visible(back3, key);
    x3 = x3 * u.scale - slope * vec4f(back3);
    x0 = select(vec4f(-1e30), x0, seen0);
    x1 = select(vec4f(-1e30), x1, seen1);
    x2 = select(vec4f(-1e30), x2, seen2);
    x3 = select(vec4f(-1e30), x3, seen3);
    let highest = max(largest, acrossMax(vec4f(max(max(x0.x, x0.y), max(x0.z, x0.w)), max(max(x1.x, x1.y), max(x1.z, x1.w)), max(max(x2.x, x2.y), max(x2.z, x2.w)), max(max(x3.x, x3.y), max(x3.z, x3.w))), tx, ty));
    let factor = exp(largest - highest);
    largest = highest;
    x0 = select(vec4f(), exp(x0 - highest[0]), seen0);
    x1 = select(vec4f(), exp(x1 - highest[1]), seen1);
    x2 = select(vec4f(), exp(x2 - highest[2]), seen2);
    x3 = select(vec4f(), exp(x3 - highest[3]), seen3);
    total = total * factor + vec4f(dot(x0, vec4f(1.0)), dot(x1, vec4f(1.0)), dot(x2, vec4f(1.0)), dot(x3, vec4f(1.0)));
    sum00 *= factor[0];
    sum01 *= factor[1];
    sum02 *= factor[2];
    sum03 *= factor[3];
    x0 *= kept((head * u.queries + row + 0) * u.keys + s0 + 4 * tx);
    x1 *= kept((head * u.queries + row + 1) * u.keys + s0 + 4 * tx);
    x2 *= kept((head * u.queries + row + 2) * u.keys + s0 + 4 * tx);
    x3 *= kept((head * u.queries + row + 3) * u.keys + s0 + 4 * tx);
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
  let divisor = total;
  sum00 /= divisor[0];
  sum01 /= divisor[1];
  sum02 /= divisor[2];
  sum03 /= divisor[3];
  for (var j = 0; j < 4; j++) { if (row + 0 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 0) * u.nHeads * u.r + 0 + 4 * tx + j] = sum00[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 1 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 1) * u.nHeads * u.r + 0 + 4 * tx + j] = sum01[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 2 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 2) * u.nHeads * u.r + 0 + 4 * tx + j] = sum02[j]; } }
  for (var j = 0; j < 4; j++) { if (row + 3 < u.queries && 0 + 4 * tx + j < u.r) { o[oAt + (row + 3) * u.nHeads * u.r + 0 + 4 * tx + j] = sum03[j]; } }
  if (tx == 0 && row + 0 < u.queries) {
    normaliser[normaliserAt + (row + 0) * normaliserRow] = largest[0] + log(total[0]);
  }
  if (tx == 0 && row + 1 < u.queries) {
    normaliser[normaliserAt + (row + 1) * normaliserRow] = largest[1] + log(total[1]);
  }
  if (tx == 0 && row + 2 < u.queries) {
    normaliser[normaliserAt + (row + 2) * normaliserRow] = largest[2] + log(total[2]);
  }
  if (tx == 0 && row + 3 < u.queries) {
    normaliser[normaliserAt + (row + 3) * normaliserRow] = largest[3] + log(total[3]);
  }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> o: array<f32>;
@group(0) @binding(2) var<storage, read> dO: array<f32>;
@group(0) @binding(3) var<storage, read> dNormaliser: array<f32>;
struct Uniforms { lines: i32, rows: i32, columns: i32, nHeads: i32, queries: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
var<workgroup> shares: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let sharer = local % 8;
  let own = line * 32 + local / 8;
  var share = 0.0;
  if (own < u.rows) {
    let row = own;
    for (var column = sharer; column < u.columns; column += 8) { share += dO[row * u.columns + column] * o[row * u.columns + column]; }
  }
  shares[sharer * 32 + local / 8] = share;
  workgroupBarrier();
  let row = line * 32 + local;
  if (local >= 32 || row >= u.rows) { return; }
  var sum = 0.0;
  for (var other = 0; other < 8; other++) { sum += shares[other * 32 + local]; }
  to[row] = sum - dNormaliser[(row / (u.nHeads * u.queries) * u.nHeads + row % u.nHeads) * u.queries + row / u.nHeads % u.queries];
}

@group(0) @binding(0) var<storage, read_write> dq: array<f32>;
@group(0) @binding(1) var<storage, read> slopes: array<f32>;
@group(0) @binding(2) var<storage, read> normaliser: array<f32>;
@group(0) @binding(3) var<storage, read> rowTerms: array<f32>;
@group(0) @binding(4) var<storage, read> q: array<f32>;
@group(0) @binding(5) var<storage, read> k: array<f32>;
@group(0) @binding(6) var<storage, read> dO: array<f32>;
@group(0) @binding(7) var<storage, read> v: array<f32>;
struct Uniforms { lines: i32, tiles: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, window: i32, headsLast: i32, threshold: i32, seed: i32, scale: f32, eps: f32, keptScale: f32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
var<workgroup> leftPanel: array<vec4f, 144>;
var<workgroup> rightPanel: array<vec4f, 144>;
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}

fn hash(counter: u32) -> u32 {
  var bits = counter;
  bits = (bits ^ (bits >> 16)) * 0x7feb352du;
  bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
  return (bits ^ (bits >> 16)) >> 8;
}

fn isKept(index: i32) -> bool {
  return hash(u32(index) * 0x9e3779b9u + bitcast<u32>(u.seed)) >= u32(u.threshold);
}

fn kept(index: i32) -> vec4f { return u.keptScale * vec4f(select(0.0, 1.0, isKept(index + 0)), select(0.0, 1.0, isKept(index + 1)), select(0.0, 1.0, isKept(index + 2)), select(0.0, 1.0, isKept(index + 3))); }
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
  let slope = slopes[h];
  var sum00 = vec4f();
  var sum01 = vec4f();
  var sum02 = vec4f();
  var sum03 = vec4f();
  let at0 = min(row + 0, u.queries - 1);
  let n0 = normaliser[normaliserAt + at0 * normaliserRow];
  let term0 = rowTerms[termAt + at0 * u.nHeads];
  let at1 = min(row + 1, u.queries - 1);
  let n1 = normaliser[normaliserAt + at1 * normaliserRow];
  let term1 = rowTerms[termAt + at1 * u.nHeads];
  let at2 = min(row + 2, u.queries - 1);
  let n2 = normaliser[normaliserAt + at2 * normaliserRow];
  let term2 = rowTerms[termAt + at2 * u.nHeads];
  let at3 = min(row + 3, u.queries - 1);
  let n3 = normaliser[normaliserAt + at3 * normaliserRow];
  let term3 = rowTerms[termAt + at3 * u.nHeads];
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
    x0 = x0 * u.scale - slope * vec4f(back0);
    let w0 = select(vec4f(), exp(x0 - n0), seen0);
    let kept0 = kept((head * u.queries + row + 0) * u.keys + s0 + 4 * tx);
    let dx0 = w0 * (g0 * kept0 - term0) * u.scale;
    let a0 = w0 * kept0;
    let back1 = offset + row + 1 - key;
    let seen1 = visible(back1, key);
    x1 = x1 * u.scale - slope * vec4f(back1);
    let w1 = select(vec4f(), exp(x1 - n1), seen1);
    let kept1 = kept((head * u.queries + row + 1) * u.keys + s0 + 4 * tx);
    let dx1 = w1 * (g1 * kept1 - term1) * u.scale;
    let a1 = w1 * kept1;
    let back2 = offset + row + 2 - key;
    let seen2 = visible(back2, key);
    x2 = x2 * u.scale - slope * vec4f(back2);
    let w2 = select(vec4f(), exp(x2 - n2), seen2);
    let kept2 = kept((head * u.queries + row + 2) * u.keys + s0 + 4 * tx);
    let dx2 = w2 * (g2 * kept2 - term2) * u.scale;
    let a2 = w2 * kept2;
    let back3 = offset + row + 3 - key;
    let seen3 = visible(back3, key);
    x3 = x3 * u.scale - slope * vec4f(back3);
    let w3 = select(vec4f(), exp(x3 - n3), seen3);
    let kept3 = kept((head * u.queries + row + 3) * u.keys + s0 + 4 * tx);
    let dx3 = w3 * (g3 * kept3 - term3) * u.scale;
    let a3 = w3 * kept3;
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
@group(0) @binding(2) var<storage, read> slopes: array<f32>;
@group(0) @binding(3) var<storage, read> normaliser: array<f32>;
@group(0) @binding(4) var<storage, read> rowTerms: array<f32>;
@group(0) @binding(5) var<storage, read> k: array<f32>;
@group(0) @binding(6) var<storage, read> q: array<f32>;
@group(0) @binding(7) var<storage, read> v: array<f32>;
@group(0) @binding(8) var<storage, read> dO: array<f32>;
struct Uniforms { lines: i32, tiles: i32, nHeads: i32, queries: i32, keys: i32, p: i32, r: i32, window: i32, headsLast: i32, threshold: i32, seed: i32, scale: f32, eps: f32, keptScale: f32 }
@group(0) @binding(9) var<uniform> u: Uniforms;
var<workgroup> leftPanel: array<vec4f, 144>;
var<workgroup> rightPanel: array<vec4f, 144>;
fn visible(back: vec4i, key: vec4i) -> vec4<bool> {
  return (back >= vec4i(0)) & ((back < vec4i(u.window)) | vec4<bool>(u.window == 0)) & (key < vec4i(u.keys));
}

fn hash(counter: u32) -> u32 {
  var bits = counter;
  bits = (bits ^ (bits >> 16)) * 0x7feb352du;
  bits = (bits ^ (bits >> 15)) * 0x846ca68bu;
  return (bits ^ (bits >> 16)) >> 8;
}

fn isKept(index: i32) -> bool {
  return hash(u32(index) * 0x9e3779b9u + bitcast<u32>(u.seed)) >= u32(u.threshold);
}

fn keptDown(index: i32, query: vec4i) -> vec4f { return u.keptScale * vec4f(select(0.0, 1.0, isKept(index + query[0] * u.keys)), select(0.0, 1.0, isKept(index + query[1] * u.keys)), select(0.0, 1.0, isKept(index + query[2] * u.keys)), select(0.0, 1.0, isKept(index + query[3] * u.keys))); }
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
  let slope = slopes[h];
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
    let at = min(query, vec4i(u.queries - 1));
    let n = vec4f(normaliser[normaliserAt + at[0] * normaliserRow], normaliser[normaliserAt + at[1] * normaliserRow], normaliser[normaliserAt + at[2] * normaliserRow], normaliser[normaliserAt + at[3] * normaliserRow]);
    let term = vec4f(rowTerms[termAt + at[0] * u.nHeads], rowTerms[termAt + at[1] * u.nHeads], rowTerms[termAt + at[2] * u.nHeads], rowTerms[termAt + at[3] * u.nHeads]);
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
    x0 = x0 * u.scale - slope * vec4f(back0);
    let w0 = select(vec4f(), exp(x0 - n), seen0);
    let kept0 = keptDown(head * u.queries * u.keys + row + 0, query);
    let dx0 = w0 * (g0 * kept0 - term) * u.scale;
    let a0 = w0 * kept0;
    let back1 = offset + query - (row + 1);
    let seen1 = visible(back1, vec4i(row + 1)) & (query < vec4i(u.queries));
    x1 = x1 * u.scale - slope * vec4f(back1);
    let w1 = select(vec4f(), exp(x1 - n), seen1);
    let kept1 = keptDown(head * u.queries * u.keys + row + 1, query);
    let dx1 = w1 * (g1 * kept1 - term) * u.scale;
    let a1 = w1 * kept1;
    let back2 = offset + query - (row + 2);
    let seen2 = visible(back2, vec4i(row + 2)) & (query < vec4i(u.queries));
    x2 = x2 * u.scale - slope * vec4f(back2);
    let w2 = select(vec4f(), exp(x2 - n), seen2);
    let kept2 = keptDown(head * u.queries * u.keys + row + 2, query);
    let dx2 = w2 * (g2 * kept2 - term) * u.scale;
    let a2 = w2 * kept2;
    let back3 = offset + query - (row + 3);
    let seen3 = visible(back3, vec4i(row + 3)) & (query < vec4i(u.queries));
    x3 = x3 * u.scale - slope * vec4f(back3);
    let w3 = select(vec4f(), exp(x3 - n), seen3);
    let kept3 = keptDown(head * u.queries * u.keys + row + 3, query);
    let dx3 = w3 * (g3 * kept3 - term) * u.scale;
    let a3 = w3 * kept3;
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