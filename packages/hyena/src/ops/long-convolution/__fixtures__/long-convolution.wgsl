// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> taps: array<f32>;
struct Uniforms { size: i32, length: i32, width: i32, groups: i32, first: i32, step: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.width;
  let t = i / u.width % u.groups * 4;
  let sequence = i / (u.width * u.groups) * u.length;
  let own = column;
  var window = vec4f(0.0, tapAt(own, t + 1), tapAt(own, t + 2), tapAt(own, t + 3));
  var sum = vec4f(0.0);
  for (var s = 0; s < min(u.length, t + 4); s++) {
    window.x = tapAt(own, t - s);
    sum += x[(sequence + u.first + s * u.step) * u.width + column] * window;
    window = window.xxyz;
  }
  for (var r = 0; r < min(4, u.length - t); r++) {
    y[(sequence + u.first + (t + r) * u.step) * u.width + column] = sum[r];
  }
}

fn tapAt(own: i32, delay: i32) -> f32 {
  if (delay < 0 || delay >= u.length) { return 0.0; }
  return taps[own + delay * u.width];
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> taps: array<f32>;
struct Uniforms { size: i32, length: i32, width: i32, groups: i32, first: i32, step: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.width;
  let t = i / u.width % u.groups * 4;
  let sequence = i / (u.width * u.groups) * u.length;
  let own = column;
  var window = vec4f(0.0, tapAt(own, t + 1), tapAt(own, t + 2), tapAt(own, t + 3));
  var sum = vec4f(0.0);
  for (var s = 0; s < min(u.length, t + 4); s++) {
    window.x = tapAt(own, t - s);
    sum += x[(sequence + u.first + s * u.step) * u.width + column] * window;
    window = window.xxyz;
  }
  for (var r = 0; r < min(4, u.length - t); r++) {
    y[(sequence + u.first + (t + r) * u.step) * u.width + column] = sum[r];
  }
}

fn tapAt(own: i32, delay: i32) -> f32 {
  if (delay < 0 || delay >= u.length) { return 0.0; }
  return taps[own + delay * u.width];
}

@group(0) @binding(0) var<storage, read_write> y: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> taps: array<f32>;
struct Uniforms { size: i32, length: i32, width: i32, groups: i32, first: i32, step: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let column = i % u.width;
  let t = i / u.width % u.groups * 4;
  let sequence = i / (u.width * u.groups) * u.length;
  let own = sequence * u.width + column;
  var window = vec4f(0.0, tapAt(own, t + 1), tapAt(own, t + 2), tapAt(own, t + 3));
  var sum = vec4f(0.0);
  for (var s = 0; s < min(u.length, t + 4); s++) {
    window.x = tapAt(own, t - s);
    sum += x[(sequence + u.first + s * u.step) * u.width + column] * window;
    window = window.xxyz;
  }
  for (var r = 0; r < min(4, u.length - t); r++) {
    y[(sequence + u.first + (t + r) * u.step) * u.width + column] = sum[r];
  }
}

fn tapAt(own: i32, delay: i32) -> f32 {
  if (delay < 0 || delay >= u.length) { return 0.0; }
  return taps[own + delay * u.width];
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