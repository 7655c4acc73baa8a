// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return exp(g[i]); }
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

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> residual: array<f32>;
@group(0) @binding(2) var<storage, read_write> states: array<f32>;
@group(0) @binding(3) var<storage, read_write> lastState: array<f32>;
@group(0) @binding(4) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> v: array<f32>;
@group(0) @binding(7) var<storage, read> beta: array<f32>;
@group(0) @binding(8) var<storage, read> decays: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> initial: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, scale: f32 }
@group(0) @binding(10) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let head = thread / u.headV;
  let first = head / u.nHeads * u.length * u.nHeads + head % u.nHeads;
  var s0 = vec4f();
  var s1 = vec4f();
  s0[0] = initial[(head * u.headK + 0) * u.headV + line];
  s0[1] = initial[(head * u.headK + 1) * u.headV + line];
  s0[2] = initial[(head * u.headK + 2) * u.headV + line];
  s0[3] = initial[(head * u.headK + 3) * u.headV + line];
  s1[0] = initial[(head * u.headK + 4) * u.headV + line];
  s1[1] = initial[(head * u.headK + 5) * u.headV + line];
  s1[2] = initial[(head * u.headK + 6) * u.headV + line];
  s1[3] = initial[(head * u.headK + 7) * u.headV + line];
  for (var t = 0; t < u.length; t++) {
    let token = first + t * u.nHeads;
    let row = token * 2;
    let column = token * u.headV + line;
    if (t % 16 == 0) {
      states[((head * u.chunks + t / 16) * u.headK + 0) * u.headV + line] = s0[0];
      states[((head * u.chunks + t / 16) * u.headK + 1) * u.headV + line] = s0[1];
      states[((head * u.chunks + t / 16) * u.headK + 2) * u.headV + line] = s0[2];
      states[((head * u.chunks + t / 16) * u.headK + 3) * u.headV + line] = s0[3];
      states[((head * u.chunks + t / 16) * u.headK + 4) * u.headV + line] = s1[0];
      states[((head * u.chunks + t / 16) * u.headK + 5) * u.headV + line] = s1[1];
      states[((head * u.chunks + t / 16) * u.headK + 6) * u.headV + line] = s1[2];
      states[((head * u.chunks + t / 16) * u.headK + 7) * u.headV + line] = s1[3];
    }
    var held = 0.0;
    s0 *= decays[row + 0];
    held += dot(k[row + 0], s0);
    s1 *= decays[row + 1];
    held += dot(k[row + 1], s1);
    let missing = v[column] - held;
    let update = beta[token] * missing;
    var sum = 0.0;
    s0 += k[row + 0] * update;
    sum += dot(q[row + 0], s0);
    s1 += k[row + 1] * update;
    sum += dot(q[row + 1], s1);
    residual[column] = missing;
    o[column] = u.scale * sum;
  }
  lastState[(head * u.headK + 0) * u.headV + line] = s0[0];
  lastState[(head * u.headK + 1) * u.headV + line] = s0[1];
  lastState[(head * u.headK + 2) * u.headV + line] = s0[2];
  lastState[(head * u.headK + 3) * u.headV + line] = s0[3];
  lastState[(head * u.headK + 4) * u.headV + line] = s1[0];
  lastState[(head * u.headK + 5) * u.headV + line] = s1[1];
  lastState[(head * u.headK + 6) * u.headV + line] = s1[2];
  lastState[(head * u.headK + 7) * u.headV + line] = s1[3];
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> g: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return exp(g[i]); }
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

@group(0) @binding(0) var<storage, read_write> dV: array<f32>;
@group(0) @binding(1) var<storage, read_write> dUpdates: array<f32>;
@group(0) @binding(2) var<storage, read_write> after: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> beta: array<f32>;
@group(0) @binding(6) var<storage, read> decays: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> dO: array<f32>;
@group(0) @binding(8) var<storage, read> dLastState: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, scale: f32 }
@group(0) @binding(9) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let head = thread / u.headV;
  let first = head / u.nHeads * u.length * u.nHeads + head % u.nHeads;
  var s0 = vec4f();
  var s1 = vec4f();
  s0[0] = dLastState[(head * u.headK + 0) * u.headV + line];
  s0[1] = dLastState[(head * u.headK + 1) * u.headV + line];
  s0[2] = dLastState[(head * u.headK + 2) * u.headV + line];
  s0[3] = dLastState[(head * u.headK + 3) * u.headV + line];
  s1[0] = dLastState[(head * u.headK + 4) * u.headV + line];
  s1[1] = dLastState[(head * u.headK + 5) * u.headV + line];
  s1[2] = dLastState[(head * u.headK + 6) * u.headV + line];
  s1[3] = dLastState[(head * u.headK + 7) * u.headV + line];
  for (var t = u.length - 1; t >= 0; t--) {
    let token = first + t * u.nHeads;
    let row = token * 2;
    let column = token * u.headV + line;
    if (t + 1 == u.length || (t + 1) % 16 == 0) {
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 0) * u.headV + line] = s0[0];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 1) * u.headV + line] = s0[1];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 2) * u.headV + line] = s0[2];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 3) * u.headV + line] = s0[3];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 4) * u.headV + line] = s1[0];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 5) * u.headV + line] = s1[1];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 6) * u.headV + line] = s1[2];
      after[((head * (u.chunks + 1) + t / 16 + 1) * u.headK + 7) * u.headV + line] = s1[3];
    }
    let given = u.scale * dO[column];
    var sum = 0.0;
    s0 += q[row + 0] * given;
    sum += dot(k[row + 0], s0);
    s1 += q[row + 1] * given;
    sum += dot(k[row + 1], s1);
    let dValue = beta[token] * sum;
    s0 -= k[row + 0] * dValue;
    s0 *= decays[row + 0];
    s1 -= k[row + 1] * dValue;
    s1 *= decays[row + 1];
    dUpdates[column] = sum;
    dV[column] = dValue;
  }
  after[((head * (u.chunks + 1)) * u.headK + 0) * u.headV + line] = s0[0];
  after[((head * (u.chunks + 1)) * u.headK + 1) * u.headV + line] = s0[1];
  after[((head * (u.chunks + 1)) * u.headK + 2) * u.headV + line] = s0[2];
  after[((head * (u.chunks + 1)) * u.headK + 3) * u.headV + line] = s0[3];
  after[((head * (u.chunks + 1)) * u.headK + 4) * u.headV + line] = s1[0];
  after[((head * (u.chunks + 1)) * u.headK + 5) * u.headV + line] = s1[1];
  after[((head * (u.chunks + 1)) * u.headK + 6) * u.headV + line] = s1[2];
  after[((head * (u.chunks + 1)) * u.headK + 7) * u.headV + line] = s1[3];
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> after: array<f32>;
struct Uniforms { lines: i32, size: i32, state: i32, chunks: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return after[i / u.state * (u.chunks + 1) * u.state + i % u.state]; }
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
@group(0) @binding(1) var<storage, read> dUpdates: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
struct Uniforms { lines: i32, rows: i32, columns: i32 }
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
    for (var column = sharer; column < u.columns; column += 8) { share += dUpdates[row * u.columns + column] * residual[row * u.columns + column]; }
  }
  shares[sharer * 32 + local / 8] = share;
  workgroupBarrier();
  let row = line * 32 + local;
  if (local >= 32 || row >= u.rows) { return; }
  var sum = 0.0;
  for (var other = 0; other < 8; other++) { sum += shares[other * 32 + local]; }
  to[row] = sum;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> beta: array<f32>;
@group(0) @binding(2) var<storage, read> residual: array<f32>;
struct Uniforms { lines: i32, size: i32, headV: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return beta[i / u.headV] * residual[i]; }
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
@group(0) @binding(1) var<storage, read> q: array<f32>;
@group(0) @binding(2) var<storage, read> k: array<f32>;
@group(0) @binding(3) var<storage, read> decays: array<f32>;
@group(0) @binding(4) var<storage, read> updates: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> dV: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> dO: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> states: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> after: array<vec4<f32>>;
struct Uniforms { size: i32, plane: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, scale: f32 }
@group(0) @binding(9) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headK;
  let chunk = thread / u.headK % u.chunks;
  let head = thread / (u.headK * u.chunks);
  let start = chunk * 16;
  let count = min(16, u.length - start);
  let first = (head / u.nHeads * u.length + start) * u.nHeads + head % u.nHeads;
  let columns = u.headV / 4;
  let gradientAt = ((head * (u.chunks + 1) + chunk + 1) * u.headK + line) * columns;
  var decay: array<f32, 16>;
  var key: array<f32, 16>;
  var query: array<f32, 16>;
  var at: array<i32, 16>;
  for (var t = 0; t < 16; t++) {
    let token = first + min(t, count - 1) * u.nHeads;
    let row = token * u.headK + line;
    decay[t] = select(1.0, decays[row], t < count);
    key[t] = select(0.0, k[row], t < count);
    query[t] = select(0.0, u.scale * q[row], t < count);
    at[t] = token * columns;
  }
  var dQuery: array<f32, 16>;
  var dKey: array<f32, 16>;
  var dDecay: array<f32, 16>;
  var before: array<vec4f, 16>;
  for (var j = 0; j < columns; j++) {
    var state = states[thread * columns + j];
    for (var t = 0; t < 16; t++) {
      state *= decay[t];
      before[t] = state;
      state += key[t] * updates[at[t] + j];
      dQuery[t] += dot(dO[at[t] + j], state);
    }
    var gradient = after[gradientAt + j];
    for (var t = 15; t >= 0; t--) {
      gradient += query[t] * dO[at[t] + j];
      dKey[t] += dot(gradient, updates[at[t] + j]) - dot(before[t], dV[at[t] + j]);
      gradient -= key[t] * dV[at[t] + j];
      dDecay[t] += dot(gradient, before[t]);
      gradient *= decay[t];
    }
  }
  for (var t = 0; t < count; t++) {
    let row = (first + t * u.nHeads) * u.headK + line;
    to[row] = u.scale * dQuery[t];
    to[u.plane + row] = dKey[t];
    to[2 * u.plane + row] = dDecay[t];
  }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> ofRows: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return ofRows[i]; }
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
@group(0) @binding(1) var<storage, read> ofRows: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return ofRows[u.size + i]; }
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
@group(0) @binding(1) var<storage, read> ofRows: array<f32>;
struct Uniforms { lines: i32, rows: i32, columns: i32, plane: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
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
    for (var column = sharer; column < u.columns; column += 8) { share += ofRows[u.plane + row * u.columns + column]; }
  }
  shares[sharer * 32 + local / 8] = share;
  workgroupBarrier();
  let row = line * 32 + local;
  if (local >= 32 || row >= u.rows) { return; }
  var sum = 0.0;
  for (var other = 0; other < 8; other++) { sum += shares[other * 32 + local]; }
  to[row] = sum;
}