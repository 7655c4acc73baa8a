// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
struct Uniforms { lines: i32, size: i32, quarters: i32 }
@group(0) @binding(2) var<uniform> u: Uniforms;
fn sine(x: f32, quarters: i32) -> f32 {
  let n = round(x * 0.6366197723675814);
  let r = ((x - n * 1.5703125) - n * 4.837512969970703e-4) - n * 7.549789948768648e-8;
  let z = r * r;
  let s = r + r * z * (-1.6666654611e-1 + z * (8.3321608736e-3 - z * 1.9515295891e-4));
  let c = 1.0 - 0.5 * z + z * z * (4.166664568298827e-2 + z * (-1.388731625493765e-3 + z * 2.443315711809948e-5));
  let turn = i32(n) + quarters;
  let y = select(s, c, (turn & 1) == 1);
  return select(y, -y, (turn & 2) == 2);
}

fn valueAt(i: i32) -> f32 { return sine(x[i], u.quarters); }
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