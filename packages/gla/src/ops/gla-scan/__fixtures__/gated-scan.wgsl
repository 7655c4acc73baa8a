// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> gk: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return exp(gk[i]); }
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
@group(0) @binding(1) var<storage, read_write> lastState: array<f32>;
@group(0) @binding(2) var<storage, read_write> states: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> decays: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> v: array<f32>;
struct Uniforms { size: i32, plane: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, scale: f32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let part = thread / u.headV % 2;
  let head = thread / (u.headV * 2);
  let first = part * 1;
  let plane = part * u.plane;
  let keys = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headK;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  var s0 = vec4f();
  for (var t = 0; t < u.length; t++) {
    let row = (keys + t * u.nHeads * u.headK) / 4 + first;
    let column = values + t * u.nHeads * u.headV + line;
    if (t % 16 == 0) {
      states[((head * u.chunks + t / 16) * u.headK + part * 4 + 0) * u.headV + line] = s0[0];
      states[((head * u.chunks + t / 16) * u.headK + part * 4 + 1) * u.headV + line] = s0[1];
      states[((head * u.chunks + t / 16) * u.headK + part * 4 + 2) * u.headV + line] = s0[2];
      states[((head * u.chunks + t / 16) * u.headK + part * 4 + 3) * u.headV + line] = s0[3];
    }
    let value = v[column];
    var sum = 0.0;
    s0 = decays[row + 0] * s0 + k[row + 0] * value;
    sum += dot(q[row + 0], s0);
    o[plane + column] = u.scale * sum;
  }
  lastState[(head * u.headK + part * 4 + 0) * u.headV + line] = s0[0];
  lastState[(head * u.headK + part * 4 + 1) * u.headV + line] = s0[1];
  lastState[(head * u.headK + part * 4 + 2) * u.headV + line] = s0[2];
  lastState[(head * u.headK + part * 4 + 3) * u.headV + line] = s0[3];
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
struct Uniforms { count: i32, size: i32, stride: i32, offset: i32, toOffset: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 64 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var c = 0; c < u.count; c++) { sum += partials[u.offset + c * u.stride + i]; }
  to[u.toOffset + i] = sum;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> gk: array<f32>;
struct Uniforms { lines: i32, size: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn valueAt(i: i32) -> f32 { return exp(gk[i]); }
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
@group(0) @binding(1) var<storage, read_write> after: array<f32>;
@group(0) @binding(2) var<storage, read> q: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> k: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> decays: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> dO: array<f32>;
@group(0) @binding(6) var<storage, read> dLastState: array<f32>;
struct Uniforms { size: i32, plane: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, scale: f32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let part = thread / u.headV % 2;
  let head = thread / (u.headV * 2);
  let first = part * 1;
  let plane = part * u.plane;
  let keys = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headK;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  var s0 = vec4f();
  s0[0] = dLastState[(head * u.headK + part * 4 + 0) * u.headV + line];
  s0[1] = dLastState[(head * u.headK + part * 4 + 1) * u.headV + line];
  s0[2] = dLastState[(head * u.headK + part * 4 + 2) * u.headV + line];
  s0[3] = dLastState[(head * u.headK + part * 4 + 3) * u.headV + line];
  for (var t = u.length - 1; t >= 0; t--) {
    let row = (keys + t * u.nHeads * u.headK) / 4 + first;
    let column = values + t * u.nHeads * u.headV + line;
    if (t + 1 == u.length || (t + 1) % 16 == 0) {
      after[((head * u.chunks + t / 16) * u.headK + part * 4 + 0) * u.headV + line] = s0[0];
      after[((head * u.chunks + t / 16) * u.headK + part * 4 + 1) * u.headV + line] = s0[1];
      after[((head * u.chunks + t / 16) * u.headK + part * 4 + 2) * u.headV + line] = s0[2];
      after[((head * u.chunks + t / 16) * u.headK + part * 4 + 3) * u.headV + line] = s0[3];
    }
    let given = u.scale * dO[column];
    var sum = 0.0;
    s0 += q[row + 0] * given;
    sum += dot(k[row + 0], s0);
    s0 *= decays[row + 0];
    dV[plane + column] = sum;
  }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> partials: array<f32>;
struct Uniforms { count: i32, size: i32, stride: i32, offset: i32, toOffset: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 64 + local);
  if (i >= u.size) { return; }
  var sum = 0.0;
  for (var c = 0; c < u.count; c++) { sum += partials[u.offset + c * u.stride + i]; }
  to[u.toOffset + i] = sum;
}

@group(0) @binding(0) var<storage, read_write> dQ: array<f32>;
@group(0) @binding(1) var<storage, read_write> dK: array<f32>;
@group(0) @binding(2) var<storage, read_write> dGk: array<f32>;
@group(0) @binding(3) var<storage, read> q: array<f32>;
@group(0) @binding(4) var<storage, read> k: array<f32>;
@group(0) @binding(5) var<storage, read> decays: array<f32>;
@group(0) @binding(6) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> dO: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read> states: array<vec4<f32>>;
@group(0) @binding(9) var<storage, read> after: array<vec4<f32>>;
struct Uniforms { size: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, scale: f32 }
@group(0) @binding(10) var<uniform> u: Uniforms;
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
      before[t] = state;
      state = decay[t] * state + key[t] * v[at[t] + j];
      dQuery[t] += dot(dO[at[t] + j], state);
    }
    var gradient = after[thread * columns + j];
    for (var t = 15; t >= 0; t--) {
      gradient += query[t] * dO[at[t] + j];
      dKey[t] += dot(gradient, v[at[t] + j]);
      gradient *= decay[t];
      dDecay[t] += dot(gradient, before[t]);
    }
  }
  for (var t = 0; t < count; t++) {
    let row = (first + t * u.nHeads) * u.headK + line;
    dQ[row] = u.scale * dQuery[t];
    dK[row] = dKey[t];
    dGk[row] = dDecay[t];
  }
}