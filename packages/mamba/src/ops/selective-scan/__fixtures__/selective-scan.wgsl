// What the kernels beside this folder dispatch, in order. Their test writes it with -u.

@group(0) @binding(0) var<storage, read_write> prepared: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
struct Uniforms { size: i32, sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  let s = e / (e + 2.0);
  let q = s * s;
  let p = 2.0 + q * (2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0 + q * (2.0 / 9.0 + q * (2.0 / 11.0 + q * (2.0 / 13.0 + q * 2.0 / 15.0))))));
  return s * p + max(x, 0.0);
}

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let before = delta[i] + bias[i % u.width];
  let after = softplus(before);
  prepared[i] = after;
  prepared[u.plane + i] = after * x[i];
}

@group(0) @binding(0) var<storage, read_write> readout: array<f32>;
@group(0) @binding(1) var<storage, read_write> states: array<f32>;
@group(0) @binding(2) var<storage, read> prepared: array<f32>;
@group(0) @binding(3) var<storage, read> rates: array<f32>;
@group(0) @binding(4) var<storage, read> bs: array<f32>;
@group(0) @binding(5) var<storage, read> cs: array<f32>;
@group(0) @binding(6) var<storage, read> initial: array<f32>;
struct Uniforms { sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(7) var<uniform> u: Uniforms;
var<workgroup> shares: array<f32, 1280>;
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let b = u.sequence + i32(group.y);
  let head = i32(group.x) / 1;
  let within = i32(group.x) % 1 * 32;
  let first = head * u.headDim + within;
  let d = first + local / 4;
  let n = local % 4;
  let valid = within + local / 4 < u.headDim && n < u.dState;
  let slot = local / 4 * 5 + n;
  let group0 = head / (u.nHeads / u.groups);
  let stateAt = (b * u.width + d) * u.dState + n;
  let rate = select(0.0, rates[select(0, d * u.dState + n, valid)], valid);
  let dAt = min(d, u.width - 1);
  let nAt = min(n, u.dState - 1);
  var state = select(0.0, initial[stateAt], valid);
  for (var t0 = 0; t0 < u.length; t0 += 8) {
    let token0 = b * u.length + min(t0 + 0, u.length - 1);
    let row0 = (token0 * u.groups + group0) * u.dState + nAt;
    let decay0 = exp(prepared[token0 * u.width + dAt] * rate);
    let input0 = prepared[u.plane + token0 * u.width + dAt] * bs[row0];
    let output0 = cs[row0];
    let token1 = b * u.length + min(t0 + 1, u.length - 1);
    let row1 = (token1 * u.groups + group0) * u.dState + nAt;
    let decay1 = exp(prepared[token1 * u.width + dAt] * rate);
    let input1 = prepared[u.plane + token1 * u.width + dAt] * bs[row1];
    let output1 = cs[row1];
    let token2 = b * u.length + min(t0 + 2, u.length - 1);
    let row2 = (token2 * u.groups + group0) * u.dState + nAt;
    let decay2 = exp(prepared[token2 * u.width + dAt] * rate);
    let input2 = prepared[u.plane + token2 * u.width + dAt] * bs[row2];
    let output2 = cs[row2];
    let token3 = b * u.length + min(t0 + 3, u.length - 1);
    let row3 = (token3 * u.groups + group0) * u.dState + nAt;
    let decay3 = exp(prepared[token3 * u.width + dAt] * rate);
    let input3 = prepared[u.plane + token3 * u.width + dAt] * bs[row3];
    let output3 = cs[row3];
    let token4 = b * u.length + min(t0 + 4, u.length - 1);
    let row4 = (token4 * u.groups + group0) * u.dState + nAt;
    let decay4 = exp(prepared[token4 * u.width + dAt] * rate);
    let input4 = prepared[u.plane + token4 * u.width + dAt] * bs[row4];
    let output4 = cs[row4];
    let token5 = b * u.length + min(t0 + 5, u.length - 1);
    let row5 = (token5 * u.groups + group0) * u.dState + nAt;
    let decay5 = exp(prepared[token5 * u.width + dAt] * rate);
    let input5 = prepared[u.plane + token5 * u.width + dAt] * bs[row5];
    let output5 = cs[row5];
    let token6 = b * u.length + min(t0 + 6, u.length - 1);
    let row6 = (token6 * u.groups + group0) * u.dState + nAt;
    let decay6 = exp(prepared[token6 * u.width + dAt] * rate);
    let input6 = prepared[u.plane + token6 * u.width + dAt] * bs[row6];
    let output6 = cs[row6];
    let token7 = b * u.length + min(t0 + 7, u.length - 1);
    let row7 = (token7 * u.groups + group0) * u.dState + nAt;
    let decay7 = exp(prepared[token7 * u.width + dAt] * rate);
    let input7 = prepared[u.plane + token7 * u.width + dAt] * bs[row7];
    let output7 = cs[row7];
    state = select(state, decay0 * state + input0, t0 + 0 < u.length);
    shares[0 + slot] = select(0.0, state * output0, valid);
    if (valid && (t0 + 1 == u.length || ((t0 + 1) % u.chunk == 0 && t0 + 1 < u.length))) {
      states[((b * u.chunks + (t0 + 0) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay1 * state + input1, t0 + 1 < u.length);
    shares[160 + slot] = select(0.0, state * output1, valid);
    if (valid && (t0 + 2 == u.length || ((t0 + 2) % u.chunk == 0 && t0 + 2 < u.length))) {
      states[((b * u.chunks + (t0 + 1) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay2 * state + input2, t0 + 2 < u.length);
    shares[320 + slot] = select(0.0, state * output2, valid);
    if (valid && (t0 + 3 == u.length || ((t0 + 3) % u.chunk == 0 && t0 + 3 < u.length))) {
      states[((b * u.chunks + (t0 + 2) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay3 * state + input3, t0 + 3 < u.length);
    shares[480 + slot] = select(0.0, state * output3, valid);
    if (valid && (t0 + 4 == u.length || ((t0 + 4) % u.chunk == 0 && t0 + 4 < u.length))) {
      states[((b * u.chunks + (t0 + 3) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay4 * state + input4, t0 + 4 < u.length);
    shares[640 + slot] = select(0.0, state * output4, valid);
    if (valid && (t0 + 5 == u.length || ((t0 + 5) % u.chunk == 0 && t0 + 5 < u.length))) {
      states[((b * u.chunks + (t0 + 4) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay5 * state + input5, t0 + 5 < u.length);
    shares[800 + slot] = select(0.0, state * output5, valid);
    if (valid && (t0 + 6 == u.length || ((t0 + 6) % u.chunk == 0 && t0 + 6 < u.length))) {
      states[((b * u.chunks + (t0 + 5) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay6 * state + input6, t0 + 6 < u.length);
    shares[960 + slot] = select(0.0, state * output6, valid);
    if (valid && (t0 + 7 == u.length || ((t0 + 7) % u.chunk == 0 && t0 + 7 < u.length))) {
      states[((b * u.chunks + (t0 + 6) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    state = select(state, decay7 * state + input7, t0 + 7 < u.length);
    shares[1120 + slot] = select(0.0, state * output7, valid);
    if (valid && (t0 + 8 == u.length || ((t0 + 8) % u.chunk == 0 && t0 + 8 < u.length))) {
      states[((b * u.chunks + (t0 + 7) / u.chunk) * u.width + d) * u.dState + n] = state;
    }
    workgroupBarrier();
    for (var o = local; o < 256; o += 128) {
      let t = t0 + o / 32;
      let channel = first + o % 32;
      var sum = 0.0;
      for (var j = 0; j < 4; j++) { sum += shares[o / 32 * 160 + o % 32 * 5 + j]; }
      if (t < u.length && channel < (head + 1) * u.headDim) { readout[(b * u.length + t) * u.width + channel] = sum; }
    }
    workgroupBarrier();
  }
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> readout: array<f32>;
@group(0) @binding(2) var<storage, read> x: array<f32>;
@group(0) @binding(3) var<storage, read> skip: array<f32>;
@group(0) @binding(4) var<storage, read> gate: array<f32>;
struct Uniforms { lines: i32, size: i32, sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn valueAt(i: i32) -> f32 { return (readout[i] + x[i] * skip[i % u.width]) * silu(gate[i]); }
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

@group(0) @binding(0) var<storage, read_write> prepared: array<f32>;
@group(0) @binding(1) var<storage, read> x: array<f32>;
@group(0) @binding(2) var<storage, read> delta: array<f32>;
@group(0) @binding(3) var<storage, read> bias: array<f32>;
@group(0) @binding(4) var<storage, read> dY: array<f32>;
@group(0) @binding(5) var<storage, read> gate: array<f32>;
struct Uniforms { size: i32, sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
fn softplus(x: f32) -> f32 {
  let e = exp(-abs(x));
  let s = e / (e + 2.0);
  let q = s * s;
  let p = 2.0 + q * (2.0 / 3.0 + q * (2.0 / 5.0 + q * (2.0 / 7.0 + q * (2.0 / 9.0 + q * (2.0 / 11.0 + q * (2.0 / 13.0 + q * 2.0 / 15.0))))));
  return s * p + max(x, 0.0);
}

fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let before = delta[i] + bias[i % u.width];
  let after = softplus(before);
  prepared[i] = after;
  prepared[u.plane + i] = after * x[i];
  prepared[2 * u.plane + i] = dY[i] * silu(gate[i]);
  prepared[3 * u.plane + i] = sigmoid(before);
}

@group(0) @binding(0) var<storage, read_write> sums: array<f32>;
@group(0) @binding(1) var<storage, read_write> partials: array<f32>;
@group(0) @binding(2) var<storage, read_write> dInitial: array<f32>;
@group(0) @binding(3) var<storage, read> prepared: array<f32>;
@group(0) @binding(4) var<storage, read> rates: array<f32>;
@group(0) @binding(5) var<storage, read> bs: array<f32>;
@group(0) @binding(6) var<storage, read> cs: array<f32>;
@group(0) @binding(7) var<storage, read> states: array<f32>;
@group(0) @binding(8) var<storage, read> dStates: array<f32>;
@group(0) @binding(9) var<storage, read> initial: array<f32>;
struct Uniforms { sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32, rates: i32, blocks: i32, blockRows: i32 }
@group(0) @binding(10) var<uniform> u: Uniforms;
var<workgroup> shares: array<f32, 3200>;
@compute @workgroup_size(128)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let b = u.sequence + i32(group.y);
  let head = i32(group.x) / 1;
  let within = i32(group.x) % 1 * 32;
  let first = head * u.headDim + within;
  let d = first + local / 4;
  let n = local % 4;
  let valid = within + local / 4 < u.headDim && n < u.dState;
  let slot = local / 4 * 5 + n;
  let group0 = head / (u.nHeads / u.groups);
  let stateAt = (b * u.width + d) * u.dState + n;
  let rate = select(0.0, rates[select(0, d * u.dState + n, valid)], valid);
  var before: array<f32, 32>;
  var carry = 0.0;
  var dRate = 0.0;
  for (var k = u.chunks - 1; k >= 0; k--) {
    let chunkStart = k * u.chunk;
    let count = min(u.chunk, u.length - chunkStart);
    var state = 0.0;
    if (valid) {
      if (k > 0) { state = states[((b * u.chunks + k - 1) * u.width + d) * u.dState + n]; }
      else { state = initial[stateAt]; }
      for (var i = 0; i < count; i++) {
        let token = b * u.length + chunkStart + i;
        let at = token * u.width + d;
        before[i] = state;
        state = exp(prepared[at] * rate) * state + prepared[u.plane + at] * bs[(token * u.groups + group0) * u.dState + n];
      }
      carry += dStates[((b * u.chunks + k) * u.width + d) * u.dState + n];
    }
    for (var from0 = (count - 1) / 4 * 4; from0 >= 0; from0 -= 4) {
      for (var e = 3; e >= 0; e--) {
        let i = from0 + e;
        var values = array<f32, 5>();
        if (i < count && valid) {
          let token = b * u.length + chunkStart + i;
          let at = token * u.width + d;
          let row = (token * u.groups + group0) * u.dState + n;
          let step = prepared[at];
          let w = prepared[u.plane + at];
          let g = prepared[2 * u.plane + at];
          let decay = exp(step * rate);
          let kept = decay * before[i];
          let lambda = cs[row] * g + carry;
          let h = kept + w * bs[row];
          values = array<f32, 5>(lambda * bs[row], lambda * kept * rate, h * cs[row], lambda * w, g * h);
          dRate += lambda * kept * step;
          carry = decay * lambda;
        }
        for (var j = 0; j < 5; j++) { shares[(e * 5 + j) * 160 + slot] = values[j]; }
      }
      workgroupBarrier();
      for (var o = local; o < 416; o += 128) {
        let e = o / 104;
        let place = o % 104;
        let i = from0 + e;
        var sum = 0.0;
        if (place < 96) {
          let channel = first + place % 32;
          let base = (e * 5 + place / 32) * 160 + place % 32 * 5;
          for (var j = 0; j < 4; j++) { sum += shares[base + j]; }
          if (i < count && channel < (head + 1) * u.headDim) {
            sums[place / 32 * u.plane + (b * u.length + chunkStart + i) * u.width + channel] = sum;
          }
        } else {
          let which = (place - 96) / 4;
          let state0 = (place - 96) % 4;
          let base = (e * 5 + 3 + which) * 160 + state0;
          for (var j = 0; j < 32; j++) { sum += shares[base + j * 5]; }
          if (i < count && state0 < u.dState) {
            let row = i32(group.y) * u.length + chunkStart + i;
            partials[u.rates + (which * u.blocks + i32(group.x)) * u.blockRows + row * u.dState + state0] = sum;
          }
        }
      }
      workgroupBarrier();
    }
  }
  if (valid) {
    partials[stateAt] = dRate;
    dInitial[stateAt] = carry;
  }
}

@group(0) @binding(0) var<storage, read_write> dB: array<f32>;
@group(0) @binding(1) var<storage, read_write> dC: array<f32>;
@group(0) @binding(2) var<storage, read> partials: array<f32>;
struct Uniforms { size: i32, first: i32, groups: i32, dState: i32, perGroup: i32, rates: i32, blocks: i32, blockRows: i32 }
@group(0) @binding(3) var<uniform> u: Uniforms;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(num_workgroups) groups: vec3u, @builtin(local_invocation_index) local: u32) {
  let i = i32((group.y * groups.x + group.x) * 256 + local);
  if (i >= u.size) { return; }
  let at = u.rates + i / (u.groups * u.dState) * u.dState + i % u.dState;
  let first = i / u.dState % u.groups * u.perGroup;
  var sums = vec2f();
  for (var block = first; block < first + u.perGroup; block++) {
    sums += vec2f(partials[at + block * u.blockRows], partials[at + (u.blocks + block) * u.blockRows]);
  }
  dB[u.first + i] = sums.x;
  dC[u.first + i] = sums.y;
}

@group(0) @binding(0) var<storage, read_write> to: array<f32>;
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> prepared: array<f32>;
@group(0) @binding(3) var<storage, read> skip: array<f32>;
struct Uniforms { lines: i32, size: i32, sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn valueAt(i: i32) -> f32 { return prepared[i] * sums[i] + skip[i % u.width] * prepared[2 * u.plane + i]; }
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
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> prepared: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
struct Uniforms { lines: i32, size: i32, sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(4) var<uniform> u: Uniforms;
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn valueAt(i: i32) -> f32 { return (x[i] * sums[i] + sums[u.plane + i]) * prepared[3 * u.plane + i]; }
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
@group(0) @binding(1) var<storage, read> sums: array<f32>;
@group(0) @binding(2) var<storage, read> dY: array<f32>;
@group(0) @binding(3) var<storage, read> gate: array<f32>;
@group(0) @binding(4) var<storage, read> x: array<f32>;
@group(0) @binding(5) var<storage, read> skip: array<f32>;
struct Uniforms { lines: i32, size: i32, sequence: i32, length: i32, width: i32, headDim: i32, nHeads: i32, groups: i32, dState: i32, chunk: i32, chunks: i32, plane: i32 }
@group(0) @binding(6) var<uniform> u: Uniforms;
fn sigmoid(x: f32) -> f32 { return 1.0 / (1.0 + exp(-x)); }
fn silu(x: f32) -> f32 { return x * sigmoid(x); }
fn valueAt(i: i32) -> f32 { return dY[i] * (sums[2 * u.plane + i] + x[i] * skip[i % u.width]) * sigmoid(gate[i]) * (1.0 + gate[i] * (1.0 - sigmoid(gate[i]))); }
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

@group(0) @binding(0) var<storage, read_write> skips: array<f32>;
@group(0) @binding(1) var<storage, read_write> dBias: array<f32>;
@group(0) @binding(2) var<storage, read> prepared: array<f32>;
@group(0) @binding(3) var<storage, read> x: array<f32>;
@group(0) @binding(4) var<storage, read> dSteps: array<f32>;
struct Uniforms { rows: i32, columns: i32, perBlock: i32 }
@group(0) @binding(5) var<uniform> u: Uniforms;
var<workgroup> skipsShares: array<f32, 256>;
var<workgroup> dBiasShares: array<f32, 256>;
@compute @workgroup_size(256)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) localIndex: u32) {
  let local = i32(localIndex);
  let column = i32(group.x) * 32 + local % 32;
  let walker = local / 32;
  let block = i32(group.y);
  let last = select(0, min(u.rows, (block + 1) * u.perBlock), column < u.columns);
  var skipsSum = 0.0;
  var dBiasSum = 0.0;
  for (var row = block * u.perBlock + walker; row < last; row += 8) {
    skipsSum += prepared[2 * u.rows * u.columns + row * u.columns + column] * x[row * u.columns + column];
    dBiasSum += dSteps[row * u.columns + column];
  }
  skipsShares[local] = skipsSum;
  dBiasShares[local] = dBiasSum;
  workgroupBarrier();
  if (walker > 0 || column >= u.columns) { return; }
  for (var other = 1; other < 8; other++) {
    skipsSum += skipsShares[local + other * 32];
    dBiasSum += dBiasShares[local + other * 32];
  }
  skips[block * u.columns + column] = skipsSum;
  dBias[block * u.columns + column] = dBiasSum;
}