// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
struct Uniforms { lines: i32, size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, width: i32, factor: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

fn valueAt(i: i32) -> f32 { return select(0.0, u.factor * x[max(tokenOf(i / u.width), 0) * u.width + i % u.width], tokenOf(i / u.width) >= 0); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> logD: array<f32>;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> forget: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let s = i % u.chunk;
  let first = i - s;
  let own = tokenOf(i);
  var input = -1e+30;
  if (own >= 0) { input = gate[own]; }
  var sum = 0.0;
  for (var r = 0; r < u.chunk; r++) {
    let token = tokenOf(first + r);
    if (r > s && token >= 0) { sum += forget[token]; }
    logD[(first + r) * u.chunk + s] = select(-1e+30, sum + input, r >= s);
  }
}

@group(0) @binding(0) var<storage, read_write> largest: array<f32>;
@group(0) @binding(1) var<storage, read_write> fromStart: array<f32>;
@group(0) @binding(2) var<storage, read> forget: array<f32>;
@group(0) @binding(3) var<storage, read> logD: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let r = i % u.chunk;
  var most = -1e+30;
  var sum = 0.0;
  for (var s = 0; s <= r; s++) {
    most = max(most, logD[i * u.chunk + s]);
    let token = tokenOf(i - r + s);
    if (token >= 0) { sum += forget[token]; }
  }
  largest[i] = most;
  fromStart[i] = sum;
}

@group(0) @binding(0) var<storage, read_write> maxima: array<f32>;
@group(0) @binding(1) var<storage, read> largest: array<f32>;
@group(0) @binding(2) var<storage, read> fromStart: array<f32>;
@group(0) @binding(3) var<storage, read> initialM: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, chunks: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var m = initialM[i];
  maxima[i] = m;
  for (var n = 0; n < u.chunks; n++) {
    let last = (n * u.units + i + 1) * u.chunk - 1;
    m = max(largest[last], m + fromStart[last]);
    maxima[(n + 1) * u.units + i] = m;
  }
}

@group(0) @binding(0) var<storage, read_write> reading: array<f32>;
@group(0) @binding(1) var<storage, read_write> floors: array<f32>;
@group(0) @binding(2) var<storage, read_write> writing: array<f32>;
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;
@group(0) @binding(4) var<storage, read> logD: array<f32>;
@group(0) @binding(5) var<storage, read> largest: array<f32>;
@group(0) @binding(6) var<storage, read> fromStart: array<f32>;
@group(0) @binding(7) var<storage, read> maxima: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let matrix = i / u.chunk;
  let last = (matrix + 1) * u.chunk - 1;
  let carried = fromStart[i] + maxima[matrix];
  let bound = max(0.0, max(largest[i], carried));
  reading[i] = exp(carried - bound);
  floors[i] = exp(-bound);
  writing[i] = exp(logD[last * u.chunk + i % u.chunk] - maxima[matrix + u.units]);
  if (i == last) { kept[matrix] = exp(carried - maxima[matrix + u.units]); }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> logD: array<f32>;
@group(0) @binding(2) var<storage, read> largest: array<f32>;
@group(0) @binding(3) var<storage, read> fromStart: array<f32>;
@group(0) @binding(4) var<storage, read> maxima: array<f32>;
struct Uniforms { lines: i32, size: i32, chunk: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return exp(logD[i] - max(0.0, max(largest[i / u.chunk], fromStart[i / u.chunk] + maxima[i / (u.chunk * u.chunk)]))); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
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

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> products: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return products[i] * weights[i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
struct Uniforms { lines: i32, size: i32, width: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return factors[i / u.width] * x[i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
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
@group(0) @binding(1) var<storage, read> added: array<f32>;
@group(0) @binding(2) var<storage, read> kept: array<f32>;
@group(0) @binding(3) var<storage, read> initial: array<f32>;
struct Uniforms { size: i32, chunks: i32, units: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var state = initial[i];
  for (var step = 0; step < u.chunks; step++) {
    let n = step;
    states[n * u.size + i] = state;
    state = kept[n * u.units + i / (u.size / u.units)] * state + added[n * u.size + i];
  }
  states[u.chunks * u.size + i] = state;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
struct Uniforms { lines: i32, size: i32, width: i32, chunk: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn sumAt(matrix: i32, column: i32) -> f32 {
  var sum = 0.0;
  for (var row = matrix * u.chunk; row < (matrix + 1) * u.chunk; row++) { sum += x[row * u.width + column]; }
  return sum;
}

fn valueAt(i: i32) -> f32 { return sumAt(i / u.width, i % u.width); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
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
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000 + c[at]; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010 + c[at]; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020 + c[at]; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030 + c[at]; }
  }
}

@group(0) @binding(0) var<storage, read_write> totals: array<f32>;
@group(0) @binding(1) var<storage, read> pairs: array<f32>;
@group(0) @binding(2) var<storage, read> queries: array<f32>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read> reading: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headK: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) { sum += queries[i * u.headK + k] * norms[i / u.chunk * u.headK + k]; }
  sum *= reading[i];
  for (var s = 0; s <= i % u.chunk; s++) { sum += pairs[i * u.chunk + s]; }
  totals[i] = sum;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> totals: array<f32>;
@group(0) @binding(3) var<storage, read> floors: array<f32>;
struct Uniforms { lines: i32, size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headV: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

fn valueAt(i: i32) -> f32 { return sums[rowOf(i / u.headV) * u.headV + i % u.headV] / max(abs(totals[rowOf(i / u.headV)]), floors[rowOf(i / u.headV)]); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> states: array<f32>;
struct Uniforms { lines: i32, size: i32, first: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return states[u.first + i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
struct Uniforms { lines: i32, size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, width: i32, factor: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

fn valueAt(i: i32) -> f32 { return select(0.0, u.factor * x[max(tokenOf(i / u.width), 0) * u.width + i % u.width], tokenOf(i / u.width) >= 0); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> logD: array<f32>;
@group(0) @binding(1) var<storage, read> gate: array<f32>;
@group(0) @binding(2) var<storage, read> forget: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let s = i % u.chunk;
  let first = i - s;
  let own = tokenOf(i);
  var input = -1e+30;
  if (own >= 0) { input = gate[own]; }
  var sum = 0.0;
  for (var r = 0; r < u.chunk; r++) {
    let token = tokenOf(first + r);
    if (r > s && token >= 0) { sum += forget[token]; }
    logD[(first + r) * u.chunk + s] = select(-1e+30, sum + input, r >= s);
  }
}

@group(0) @binding(0) var<storage, read_write> largest: array<f32>;
@group(0) @binding(1) var<storage, read_write> fromStart: array<f32>;
@group(0) @binding(2) var<storage, read> forget: array<f32>;
@group(0) @binding(3) var<storage, read> logD: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let r = i % u.chunk;
  var most = -1e+30;
  var sum = 0.0;
  for (var s = 0; s <= r; s++) {
    most = max(most, logD[i * u.chunk + s]);
    let token = tokenOf(i - r + s);
    if (token >= 0) { sum += forget[token]; }
  }
  largest[i] = most;
  fromStart[i] = sum;
}

@group(0) @binding(0) var<storage, read_write> reading: array<f32>;
@group(0) @binding(1) var<storage, read_write> floors: array<f32>;
@group(0) @binding(2) var<storage, read_write> writing: array<f32>;
@group(0) @binding(3) var<storage, read_write> kept: array<f32>;
@group(0) @binding(4) var<storage, read> logD: array<f32>;
@group(0) @binding(5) var<storage, read> largest: array<f32>;
@group(0) @binding(6) var<storage, read> fromStart: array<f32>;
@group(0) @binding(7) var<storage, read> maxima: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let matrix = i / u.chunk;
  let last = (matrix + 1) * u.chunk - 1;
  let carried = fromStart[i] + maxima[matrix];
  let bound = max(0.0, max(largest[i], carried));
  reading[i] = exp(carried - bound);
  floors[i] = exp(-bound);
  writing[i] = exp(logD[last * u.chunk + i % u.chunk] - maxima[matrix + u.units]);
  if (i == last) { kept[matrix] = exp(carried - maxima[matrix + u.units]); }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> logD: array<f32>;
@group(0) @binding(2) var<storage, read> largest: array<f32>;
@group(0) @binding(3) var<storage, read> fromStart: array<f32>;
@group(0) @binding(4) var<storage, read> maxima: array<f32>;
struct Uniforms { lines: i32, size: i32, chunk: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return exp(logD[i] - max(0.0, max(largest[i / u.chunk], fromStart[i / u.chunk] + maxima[i / (u.chunk * u.chunk)]))); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
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

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> products: array<f32>;
@group(0) @binding(2) var<storage, read> weights: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return products[i] * weights[i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> totals: array<f32>;
@group(0) @binding(1) var<storage, read> pairs: array<f32>;
@group(0) @binding(2) var<storage, read> queries: array<f32>;
@group(0) @binding(3) var<storage, read> norms: array<f32>;
@group(0) @binding(4) var<storage, read> reading: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headK: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) { sum += queries[i * u.headK + k] * norms[i / u.chunk * u.headK + k]; }
  sum *= reading[i];
  for (var s = 0; s <= i % u.chunk; s++) { sum += pairs[i * u.chunk + s]; }
  totals[i] = sum;
}

@group(0) @binding(0) var<storage, read_write> inverses: array<f32>;
@group(0) @binding(1) var<storage, read_write> terms: array<f32>;
@group(0) @binding(2) var<storage, read> h: array<f32>;
@group(0) @binding(3) var<storage, read> dH: array<f32>;
@group(0) @binding(4) var<storage, read> totals: array<f32>;
@group(0) @binding(5) var<storage, read> floors: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headV: i32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let token = tokenOf(i);
  var product = 0.0;
  if (token >= 0) {
    for (var v = 0; v < u.headV; v++) { product += dH[token * u.headV + v] * h[token * u.headV + v]; }
  }
  let inverse = 1.0 / max(abs(totals[i]), floors[i]);
  inverses[i] = inverse;
  terms[i] = select(0.0, select(-product, product, totals[i] < 0.0) * inverse, abs(totals[i]) >= floors[i]);
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
struct Uniforms { lines: i32, size: i32, width: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return factors[i / u.width] * x[i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> slopes: array<f32>;
@group(0) @binding(1) var<storage, read_write> before: array<f32>;
@group(0) @binding(2) var<storage, read> pairs: array<f32>;
@group(0) @binding(3) var<storage, read> weights: array<f32>;
@group(0) @binding(4) var<storage, read> terms: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var s = 0; s <= i % u.chunk; s++) {
    let at = i * u.chunk + s;
    let slope = slopes[at] + terms[i];
    before[at] = sum;
    sum += pairs[at] * slope;
    slopes[at] = weights[at] * slope;
  }
  for (var s = i % u.chunk + 1; s < u.chunk; s++) {
    before[i * u.chunk + s] = 0.0;
    slopes[i * u.chunk + s] = 0.0;
  }
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

@group(0) @binding(0) var<storage, read_write> states: array<f32>;
@group(0) @binding(1) var<storage, read> added: array<f32>;
@group(0) @binding(2) var<storage, read> kept: array<f32>;
@group(0) @binding(3) var<storage, read> initial: array<f32>;
struct Uniforms { size: i32, chunks: i32, units: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var state = initial[i];
  for (var step = 0; step < u.chunks; step++) {
    let n = u.chunks - 1 - step;
    states[n * u.size + i] = state;
    state = kept[n * u.units + i / (u.size / u.units)] * state + added[n * u.size + i];
  }
  states[u.chunks * u.size + i] = state;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> factors: array<f32>;
struct Uniforms { lines: i32, size: i32, width: i32, chunk: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn sumAt(matrix: i32, column: i32) -> f32 {
  var sum = 0.0;
  for (var row = matrix * u.chunk; row < (matrix + 1) * u.chunk; row++) { sum += factors[row] * x[row * u.width + column]; }
  return sum;
}

fn valueAt(i: i32) -> f32 { return sumAt(i / u.width, i % u.width); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
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
    if (i + 0 < u.m && j < u.n) { let at = (cAt + (i + 0) * u.n + j) / 4; c[at] = sum000 + c[at]; }
    if (i + 1 < u.m && j < u.n) { let at = (cAt + (i + 1) * u.n + j) / 4; c[at] = sum010 + c[at]; }
    if (i + 2 < u.m && j < u.n) { let at = (cAt + (i + 2) * u.n + j) / 4; c[at] = sum020 + c[at]; }
    if (i + 3 < u.m && j < u.n) { let at = (cAt + (i + 3) * u.n + j) / 4; c[at] = sum030 + c[at]; }
  }
}

@group(0) @binding(0) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> shares: array<f32>;
@group(0) @binding(2) var<storage, read> through: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> norms: array<f32>;
@group(0) @binding(5) var<storage, read> factors: array<f32>;
@group(0) @binding(6) var<storage, read> terms: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headK: i32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) {
    let at = i * u.headK + k;
    let share = factors[i] * (through[at] + terms[i] * norms[i / u.chunk * u.headK + k]);
    gradient[at] += share;
    sum += share * x[at];
  }
  shares[i] = sum;
}

@group(0) @binding(0) var<storage, read_write> gradient: array<f32>;
@group(0) @binding(1) var<storage, read_write> shares: array<f32>;
@group(0) @binding(2) var<storage, read> through: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> norms: array<f32>;
@group(0) @binding(5) var<storage, read> factors: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headK: i32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) {
    let at = i * u.headK + k;
    let share = factors[i] * (through[at] + norms[i / u.chunk * u.headK + k]);
    gradient[at] += share;
    sum += share * x[at];
  }
  shares[i] = sum;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
struct Uniforms { lines: i32, rows: i32, columns: i32, first: i32, other: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
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
    for (var column = sharer; column < u.columns; column += 8) { share += a[u.first + row * u.columns + column] * b[u.other + row * u.columns + column]; }
  }
  shares[sharer * 32 + local / 8] = share;
  workgroupBarrier();
  let row = line * 32 + local;
  if (local >= 32 || row >= u.rows) { return; }
  var sum = 0.0;
  for (var other = 0; other < 8; other++) { sum += shares[other * 32 + local]; }
  to[row] = sum;
}

@group(0) @binding(0) var<storage, read_write> winner: array<f32>;
@group(0) @binding(1) var<storage, read_write> amount: array<f32>;
@group(0) @binding(2) var<storage, read> dLastM: array<f32>;
@group(0) @binding(3) var<storage, read> ofCells: array<f32>;
@group(0) @binding(4) var<storage, read> ofNorms: array<f32>;
@group(0) @binding(5) var<storage, read> maxima: array<f32>;
@group(0) @binding(6) var<storage, read> largest: array<f32>;
@group(0) @binding(7) var<storage, read> logD: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, chunks: i32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  amount[i] = dLastM[i] - ofCells[i] - ofNorms[i];
  var found = -1;
  for (var n = u.chunks - 1; n >= 0 && found < 0; n--) {
    let last = (n * u.units + i + 1) * u.chunk - 1;
    let highest = maxima[(n + 1) * u.units + i];
    if (largest[last] < highest) { continue; }
    for (var s = 0; s < u.chunk; s++) {
      if (logD[last * u.chunk + s] >= highest) { found = n * u.chunk + s; }
    }
  }
  winner[i] = f32(found);
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
struct Uniforms { lines: i32, size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, width: i32, factor: f32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

fn valueAt(i: i32) -> f32 { return u.factor * rows[rowOf(i / u.width) * u.width + i % u.width]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> keys: array<f32>;
@group(0) @binding(2) var<storage, read> ofKeys: array<f32>;
@group(0) @binding(3) var<storage, read> winner: array<f32>;
@group(0) @binding(4) var<storage, read> amount: array<f32>;
struct Uniforms { lines: i32, size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headK: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

fn inner(row: i32) -> f32 {
  var sum = 0.0;
  for (var k = 0; k < u.headK; k++) { sum += keys[row * u.headK + k] * ofKeys[row * u.headK + k]; }
  return sum;
}

fn valueAt(i: i32) -> f32 { return inner(rowOf(i)) + select(0.0, amount[i / (u.nHeads * u.length) * u.nHeads + i % u.nHeads], f32(i / u.nHeads % u.length) == winner[i / (u.nHeads * u.length) * u.nHeads + i % u.nHeads]); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> before: array<f32>;
@group(0) @binding(2) var<storage, read> ofReading: array<f32>;
@group(0) @binding(3) var<storage, read> ofWriting: array<f32>;
@group(0) @binding(4) var<storage, read> kept: array<f32>;
@group(0) @binding(5) var<storage, read> ofCells: array<f32>;
@group(0) @binding(6) var<storage, read> ofNorms: array<f32>;
@group(0) @binding(7) var<storage, read> winner: array<f32>;
@group(0) @binding(8) var<storage, read> amount: array<f32>;
struct Uniforms { lines: i32, size: i32, length: i32, nHeads: i32, units: i32, chunk: i32, headK: i32 }
@group(0) @binding(9) var<uniform> u: Uniforms;
fn tokenOf(row: i32) -> i32 {
  let unit = row / u.chunk % u.units;
  let t = row / (u.chunk * u.units) * u.chunk + row % u.chunk;
  if (t >= u.length) { return -1; }
  return (unit / u.nHeads * u.length + t) * u.nHeads + unit % u.nHeads;
}

fn rowOf(token: i32) -> i32 {
  let t = token / u.nHeads % u.length;
  let unit = token / (u.nHeads * u.length) * u.nHeads + token % u.nHeads;
  return (t / u.chunk * u.units + unit) * u.chunk + t % u.chunk;
}

fn within(row: i32) -> f32 {
  let t = row % u.chunk;
  let matrix = row / u.chunk;
  var sum = kept[matrix] * (ofCells[matrix] + ofNorms[matrix]);
  for (var s = 0; s < t; s++) { sum += ofWriting[row - t + s]; }
  for (var r = t; r < u.chunk; r++) { sum += ofReading[row - t + r] + before[(row - t + r) * u.chunk + t]; }
  return sum;
}

fn valueAt(i: i32) -> f32 { return within(rowOf(i)) + select(0.0, amount[i / (u.nHeads * u.length) * u.nHeads + i % u.nHeads], f32(i / u.nHeads % u.length) > winner[i / (u.nHeads * u.length) * u.nHeads + i % u.nHeads]); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> after: array<f32>;
struct Uniforms { lines: i32, size: i32, first: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return after[u.first + i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> afterNorms: array<f32>;
struct Uniforms { lines: i32, size: i32, first: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return afterNorms[u.first + i]; }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> ofCells: array<f32>;
@group(0) @binding(2) var<storage, read> ofNorms: array<f32>;
@group(0) @binding(3) var<storage, read> winner: array<f32>;
@group(0) @binding(4) var<storage, read> amount: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return ofCells[i] + ofNorms[i] + select(0.0, amount[i], winner[i] < 0.0); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let line = i32(group.y * groups.x + group.x);
  if (line >= u.lines) { return; }
  let first = line * 1024 + local;
  let value0 = valueAt(min(first + 0, u.size - 1));
  let value1 = valueAt(min(first + 256, u.size - 1));
  let value2 = valueAt(min(first + 512, u.size - 1));
  let value3 = valueAt(min(first + 768, u.size - 1));
  if (first + 0 < u.size) { to[first + 0] = value0; }
  if (first + 256 < u.size) { to[first + 256] = value1; }
  if (first + 512 < u.size) { to[first + 512] = value2; }
  if (first + 768 < u.size) { to[first + 768] = value3; }
}