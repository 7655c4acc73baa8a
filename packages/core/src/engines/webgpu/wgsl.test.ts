/** Shaders from parts: they have what their fragments name, and no name that nobody declares. */
import { describe, expect, it } from 'vitest';
import { EngineError } from '../../errors.js';
import * as tf from '../../tf.js';
import { shaderOf } from './dispatch.js';
import { assemble, bind, declare, fragment, joined, tensor, wgsl } from './wgsl.js';

const X = tensor('x');
const HALF = declare('half', wgsl`fn half(i: i32) -> f32 { return 0.5 * ${X}[i]; }`);
const QUARTER = declare('quarter', wgsl`fn quarter(i: i32) -> f32 { return 0.5 * ${HALF}(i); }`);

describe('a shader', () => {
  it('has the functions that it names, those that they name before them, each once, and their tensors', () => {
    const { code, tensors } = assemble(wgsl`fn main() { y[0] = ${QUARTER}(1) + ${HALF}(2) + ${tensor('z')}[${3}]; }`);
    expect(code.split('\n')).toEqual([
      'fn half(i: i32) -> f32 { return 0.5 * x[i]; }',
      'fn quarter(i: i32) -> f32 { return 0.5 * half(i); }',
      'fn main() { y[0] = quarter(1) + half(2) + z[3]; }',
    ]);
    expect(tensors).toEqual(['x', 'z']);
    expect(assemble(wgsl`fn main() { y[0] = 1.0; }`).tensors).toEqual([]);
  });

  it('keeps what the joined fragments name', () => {
    const { code, tensors } = assemble(joined([wgsl`${X}[0]`, 'a', tensor('z')], ' + '));
    expect([code, ...tensors]).toEqual(['x[0] + a + z', 'x', 'z']);
  });

  it('is refused with two functions of one name', () => {
    const other = declare('half', wgsl`fn half(i: i32) -> f32 { return 0.0; }`);
    expect(() => assemble(wgsl`${HALF}(0) + ${other}(0)`)).toThrow(/expected one 'half' in a shader, got two/);
  });

  it('binds the tensors that it names, and refuses to go without', () => {
    const [x, z] = [tf.tensor1d([1]), tf.tensor1d([2])];
    const shader = assemble(wgsl`${HALF}(0)`);
    expect(bind(shader, { z, x, absent: undefined }).read).toEqual({ x });
    expect(() => bind(shader, { z, x: undefined })).toThrow(
      /a tensor 'x', which the shader reads, got z\. Give it to bind/,
    );
    tf.dispose([x, z]);
  });
});

describe('a fragment', () => {
  it('takes and gives what it states', () => {
    const row = (i: number) => fragment('first tx', `row${i}`)`
  let row${i} = first + tx + i32(u.width * ${HALF}(${i}));
  for (var j = 0; j < row${i}; j++) { let inner = j; }`;
    expect(row(2).uses).toEqual([HALF]);
  });

  it.each([
    [
      'a variable that it does not state',
      () => fragment('a')`let b = a + c;`,
      /take 'a' and to give '', got 'c' unstated/,
    ],
    ['a variable that it only states', () => fragment('a c')`let b = a;`, /got 'c' not taken/],
    ['a variable of an inner block', () => fragment('', 'b')`{ let b = 1; }`, /got 'b' not given/],
    ['a variable in its own initialiser', () => fragment('', 'b')`let b = b + 1;`, /got 'b' unstated/],
  ])('is refused with %s', (_, make, message) => {
    expect(make).toThrow(EngineError);
    expect(make).toThrow(message);
  });
});

describe('names of a dispatch', () => {
  it.each([
    ['a variable', 'fn main() { let filter = 1.0; y[0] = filter; }', /'filter' in line 4: fn main/],
    ['a parameter', 'fn f(from: i32) -> i32 { return from; }\nfn main() { y[0] = f32(f(1)); }', /'from' in line 4/],
    ['a function', 'fn main() { y[0] = set(1); }\nfn set(i: i32) -> f32 { return 1.0; }', /'set' in line 4/],
    ['a word of the language', 'fn main() {\n  let default = 1.0;\n}', /'default' in line 5: let default = 1\.0;/],
    ['a name for drivers', 'fn main() { let __x = 1.0; }', /'__x' in line 4/],
  ])('are refused where WGSL keeps %s for itself', (_, code, message) => {
    expect(() => whole(code)).toThrow(EngineError);
    expect(() => whole(code)).toThrow(/expected names that WGSL does not keep for itself, got/);
    expect(() => whole(code)).toThrow(message);
    expect(() => whole(code)).toThrow(/Rename it\.$/);
  });

  it('may be words of comments, and parts of longer names', () => {
    const code =
      'fn main() { // the filter of a set, from here\n  let filterWidth = 1.0; /* new */ y[0] = filterWidth; }';
    expect(whole(code)).toContain(code);
  });

  const whole = (code: string) => {
    const y = tf.tensor1d([1]);
    try {
      return shaderOf({ code, read: {}, write: { y }, integers: { size: 1 }, floats: { eps: 0 }, workgroups: [1] });
    } finally {
      y.dispose();
    }
  };

  it('may be bindings, uniforms, functions in any order, parameters, variables of blocks around', () => {
    const code = `
@compute @workgroup_size(64)
fn main(@builtin(local_invocation_index) local: u32) {
  var sum = vec4f(); // no such name
  /* nor
  these */
  for (var j = 0; j < u.size; j++) { if (j > 1) { sum = fma(sum, vec4f(1.0e-3, 0x1fu, 2u, .5), shares[j].xyzw); } }
  y[i32(local)] = total(sum) + u.eps;
}
var<workgroup> shares: array<vec4f, 64>;
fn total(x: vec4f) -> f32 { let first = x[0]; return select(first, dot(x, vec4<f32>(1.0)), true); }`;
    expect(whole(code)).toContain(code);
  });

  it.each([
    ['a variable', 'fn main() { y[0] = sum; }', /'sum' in line 4: fn main\(\) \{ y\[0\] = sum; \}/],
    ['a uniform', 'fn main() { y[u.width] = u.eps; }', /'u\.width' in line 4/],
    ['a tensor', 'fn main() {\n  y[0] = x[0];\n}', /'x' in line 5: y\[0\] = x\[0\];/],
    ['a function', 'fn main() { y[0] = half(1); }', /'half' in line 4/],
    ['a variable of a block that is closed', 'fn main() { { let a = 1.0; } y[0] = a; }', /'a' in line 4/],
    [
      'a counter after its loop',
      'fn main() { for (var j = 0; j < 2; j++) { y[j] = 1.0; } y[0] = j; }',
      /'j' in line 4/,
    ],
    ['a parameter of another function', 'fn f(x: f32) -> f32 { return x; } fn main() { y[0] = x; }', /'x' in line 4/],
    ['a variable before it is declared', 'fn main() { y[0] = a; let a = 1.0; }', /'a' in line 4/],
  ])('are refused where nobody declares %s', (_, code, message) => {
    expect(() => whole(code)).toThrow(EngineError);
    expect(() => whole(code)).toThrow(/expected every name of a shader to be declared/);
    expect(() => whole(code)).toThrow(message);
  });
});
