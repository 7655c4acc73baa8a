// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> rows: array<f32>;
@group(0) @binding(1) var<storage, read> r: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> kappa: array<f32>;
@group(0) @binding(5) var<storage, read> a: array<f32>;
struct Uniforms { size: i32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  rows[0 * u.size + i] = r[i];
  rows[1 * u.size + i] = exp(g[i]);
  rows[2 * u.size + i] = k[i];
  rows[3 * u.size + i] = kappa[i];
  rows[4 * u.size + i] = a[i] * kappa[i];
}

@group(0) @binding(0) var<storage, read_write> o: array<f32>;
@group(0) @binding(1) var<storage, read_write> lastState: array<f32>;
@group(0) @binding(2) var<storage, read_write> removed: array<f32>;
@group(0) @binding(3) var<storage, read_write> states: array<f32>;
@group(0) @binding(4) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> v: array<f32>;
@group(0) @binding(6) var<storage, read> initialState: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, step: i32, plane: i32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let head = thread / u.headV;
  let keys = head / u.nHeads * u.length * u.step + head % u.nHeads * (u.headK / 4);
  let last = keys + (u.length - 1) * u.step;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
  var s0 = vec4f();
  var s1 = vec4f();
  s0[0] = initialState[(head * u.headK + 0) * u.headV + line];
  s0[1] = initialState[(head * u.headK + 1) * u.headV + line];
  s0[2] = initialState[(head * u.headK + 2) * u.headV + line];
  s0[3] = initialState[(head * u.headK + 3) * u.headV + line];
  s1[0] = initialState[(head * u.headK + 4) * u.headV + line];
  s1[1] = initialState[(head * u.headK + 5) * u.headV + line];
  s1[2] = initialState[(head * u.headK + 6) * u.headV + line];
  s1[3] = initialState[(head * u.headK + 7) * u.headV + line];
  var held = 0.0;
  held += dot(rows[3 * u.plane + keys + 0], s0);
  held += dot(rows[3 * u.plane + keys + 1], s1);
  for (var t = 0; t < u.length; t++) {
    let row = keys + t * u.step;
    let next = min(row + u.step, last);
    let column = values + t * u.nHeads * u.headV + line;
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
    removed[column] = held;
    let value = v[column];
    var sum = 0.0;
    var later = 0.0;
    s0 = rows[1 * u.plane + row + 0] * s0 - rows[4 * u.plane + row + 0] * held + rows[2 * u.plane + row + 0] * value;
    sum += dot(rows[0 * u.plane + row + 0], s0);
    later += dot(rows[3 * u.plane + next + 0], s0);
    s1 = rows[1 * u.plane + row + 1] * s1 - rows[4 * u.plane + row + 1] * held + rows[2 * u.plane + row + 1] * value;
    sum += dot(rows[0 * u.plane + row + 1], s1);
    later += dot(rows[3 * u.plane + next + 1], s1);
    o[column] = sum;
    held = later;
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

@group(0) @binding(0) var<storage, read_write> rows: array<f32>;
@group(0) @binding(1) var<storage, read> r: array<f32>;
@group(0) @binding(2) var<storage, read> g: array<f32>;
@group(0) @binding(3) var<storage, read> k: array<f32>;
@group(0) @binding(4) var<storage, read> kappa: array<f32>;
@group(0) @binding(5) var<storage, read> a: array<f32>;
struct Uniforms { size: i32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  rows[0 * u.size + i] = r[i];
  rows[1 * u.size + i] = exp(g[i]);
  rows[2 * u.size + i] = k[i];
  rows[3 * u.size + i] = kappa[i];
  rows[4 * u.size + i] = a[i] * kappa[i];
}

@group(0) @binding(0) var<storage, read_write> dV: array<f32>;
@group(0) @binding(1) var<storage, read_write> dU: array<f32>;
@group(0) @binding(2) var<storage, read_write> after: array<f32>;
@group(0) @binding(3) var<storage, read_write> dInitialState: array<f32>;
@group(0) @binding(4) var<storage, read> rows: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> dO: array<f32>;
@group(0) @binding(6) var<storage, read> dLastState: array<f32>;
struct Uniforms { size: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, step: i32, plane: i32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let thread = i32((group.y * groups.x + group.x) * 64 + local);
  if (thread >= u.size) { return; }
  let line = thread % u.headV;
  let head = thread / u.headV;
  let keys = head / u.nHeads * u.length * u.step + head % u.nHeads * (u.headK / 4);
  let last = keys + (u.length - 1) * u.step;
  let values = (head / u.nHeads * u.length * u.nHeads + head % u.nHeads) * u.headV;
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
    let row = keys + t * u.step;
    let column = values + t * u.nHeads * u.headV + line;
    if (t + 1 == u.length || (t + 1) % 16 == 0) {
      after[((head * u.chunks + t / 16) * u.headK + 0) * u.headV + line] = s0[0];
      after[((head * u.chunks + t / 16) * u.headK + 1) * u.headV + line] = s0[1];
      after[((head * u.chunks + t / 16) * u.headK + 2) * u.headV + line] = s0[2];
      after[((head * u.chunks + t / 16) * u.headK + 3) * u.headV + line] = s0[3];
      after[((head * u.chunks + t / 16) * u.headK + 4) * u.headV + line] = s1[0];
      after[((head * u.chunks + t / 16) * u.headK + 5) * u.headV + line] = s1[1];
      after[((head * u.chunks + t / 16) * u.headK + 6) * u.headV + line] = s1[2];
      after[((head * u.chunks + t / 16) * u.headK + 7) * u.headV + line] = s1[3];
    }
    let given = dO[column];
    var toValue = 0.0;
    var toHeld = 0.0;
    s0 += rows[0 * u.plane + row + 0] * given;
    toValue += dot(rows[2 * u.plane + row + 0], s0);
    toHeld -= dot(rows[4 * u.plane + row + 0], s0);
    s1 += rows[0 * u.plane + row + 1] * given;
    toValue += dot(rows[2 * u.plane + row + 1], s1);
    toHeld -= dot(rows[4 * u.plane + row + 1], s1);
    dV[column] = toValue;
    dU[column] = toHeld;
    s0 = rows[1 * u.plane + row + 0] * s0 + rows[3 * u.plane + row + 0] * toHeld;
    s1 = rows[1 * u.plane + row + 1] * s1 + rows[3 * u.plane + row + 1] * toHeld;
  }
  dInitialState[(head * u.headK + 0) * u.headV + line] = s0[0];
  dInitialState[(head * u.headK + 1) * u.headV + line] = s0[1];
  dInitialState[(head * u.headK + 2) * u.headV + line] = s0[2];
  dInitialState[(head * u.headK + 3) * u.headV + line] = s0[3];
  dInitialState[(head * u.headK + 4) * u.headV + line] = s1[0];
  dInitialState[(head * u.headK + 5) * u.headV + line] = s1[1];
  dInitialState[(head * u.headK + 6) * u.headV + line] = s1[2];
  dInitialState[(head * u.headK + 7) * u.headV + line] = s1[3];
}

@group(0) @binding(0) var<storage, read_write> sums: array<f32>;
@group(0) @binding(1) var<storage, read> rows: array<f32>;
@group(0) @binding(2) var<storage, read> v: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read> dO: array<vec4<f32>>;
@group(0) @binding(4) var<storage, read> removed: array<vec4<f32>>;
@group(0) @binding(5) var<storage, read> dU: array<vec4<f32>>;
@group(0) @binding(6) var<storage, read> states: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read> after: array<vec4<f32>>;
struct Uniforms { size: i32, length: i32, nHeads: i32, headK: i32, headV: i32, chunks: i32, plane: i32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
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
  var queries: array<f32, 16>;
  var decay: array<f32, 16>;
  var key: array<f32, 16>;
  var held: array<f32, 16>;
  var removal: array<f32, 16>;
  var at: array<i32, 16>;
  for (var t = 0; t < 16; t++) {
    let token = first + min(t, count - 1) * u.nHeads;
    let row = token * u.headK + line;
    queries[t] = select(0.0, rows[0 * u.plane + row], t < count);
    decay[t] = select(1.0, rows[1 * u.plane + row], t < count);
    key[t] = select(0.0, rows[2 * u.plane + row], t < count);
    held[t] = select(0.0, rows[3 * u.plane + row], t < count);
    removal[t] = select(0.0, rows[4 * u.plane + row], t < count);
    at[t] = token * columns;
  }
  var dQuery: array<f32, 16>;
  var dDecay: array<f32, 16>;
  var dKey: array<f32, 16>;
  var dHeld: array<f32, 16>;
  var dRemoval: array<f32, 16>;
  var before: array<vec4f, 16>;
  for (var j = 0; j < columns; j++) {
    var state = states[thread * columns + j];
    for (var t = 0; t < 16; t++) {
      before[t] = state;
      state = decay[t] * state - removal[t] * removed[at[t] + j] + key[t] * v[at[t] + j];
      dQuery[t] += dot(dO[at[t] + j], state);
    }
    var gradient = after[thread * columns + j];
    for (var t = 15; t >= 0; t--) {
      gradient += queries[t] * dO[at[t] + j];
      dDecay[t] += dot(gradient, before[t]);
      dKey[t] += dot(gradient, v[at[t] + j]);
      dRemoval[t] -= dot(gradient, removed[at[t] + j]);
      dHeld[t] += dot(before[t], dU[at[t] + j]);
      gradient = decay[t] * gradient + held[t] * dU[at[t] + j];
    }
  }
  for (var t = 0; t < count; t++) {
    let row = (first + t * u.nHeads) * u.headK + line;
    sums[0 * u.plane + row] = dQuery[t];
    sums[1 * u.plane + row] = dDecay[t];
    sums[2 * u.plane + row] = dKey[t];
    sums[3 * u.plane + row] = dHeld[t];
    sums[4 * u.plane + row] = dRemoval[t];
  }
}

@group(0) @binding(0) var<storage, read_write> dR: array<f32>;
@group(0) @binding(1) var<storage, read_write> dG: array<f32>;
@group(0) @binding(2) var<storage, read_write> dK: array<f32>;
@group(0) @binding(3) var<storage, read_write> dKappa: array<f32>;
@group(0) @binding(4) var<storage, read_write> dA: array<f32>;
@group(0) @binding(5) var<storage, read> sums: array<f32>;
@group(0) @binding(6) var<storage, read> rows: array<f32>;
@group(0) @binding(7) var<storage, read> a: array<f32>;
struct Uniforms { size: i32 }
@group(0) @binding(8) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let dRemoval = sums[4 * u.size + i];
  dR[i] = sums[0 * u.size + i];
  dG[i] = sums[1 * u.size + i] * rows[1 * u.size + i];
  dK[i] = sums[2 * u.size + i];
  dKappa[i] = sums[3 * u.size + i] + a[i] * dRemoval;
  dA[i] = rows[3 * u.size + i] * dRemoval;
}