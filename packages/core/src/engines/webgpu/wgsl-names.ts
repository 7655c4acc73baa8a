/** Names in WGSL: what a text declares, and what it takes from outside. A reader of names and scopes, not of types. */

/** Keywords, address spaces and types. */
const WORDS = new Set(
  `break case const_assert continue continuing default diagnostic discard else enable false for if loop requires return
  switch true while workgroup storage uniform function private read write read_write bool i32 u32 f32 f16 array atomic ptr
  subgroups`.split(/\s+/),
);
const SIZED_TYPE = /^(vec[234]|mat[234]x[234])[iufh]?$/;

/** Functions of the language; a name of theirs is free for a variable. */
const FUNCTIONS = new Set(
  `abs acos acosh all any arrayLength asin asinh atan atan2 atanh atomicAdd atomicAnd atomicCompareExchangeWeak
  atomicExchange atomicLoad atomicMax atomicMin atomicOr atomicStore atomicSub atomicXor bitcast ceil clamp cos cosh
  countLeadingZeros countOneBits countTrailingZeros cross degrees determinant distance dot exp exp2 extractBits faceForward
  firstLeadingBit firstTrailingBit floor fma fract frexp insertBits inverseSqrt ldexp length log log2 max min mix modf
  normalize pow quantizeToF16 radians reflect refract reverseBits round saturate select sign sin sinh
  smoothstep sqrt step storageBarrier tan tanh transpose trunc workgroupBarrier workgroupUniformLoad`.split(/\s+/),
);
/** Words that the language keeps for later: no shader may have them. WGSL specification, section 15.2. */
const RESERVED = new Set(
  `NULL Self abstract active alignas alignof as asm asm_fragment async attribute auto await become cast catch class co_await
  co_return co_yield coherent column_major common compile compile_fragment concept const_cast consteval constexpr constinit crate
  debugger decltype delete demote demote_to_helper do dynamic_cast enum explicit export extends extern external fallthrough filter
  final finally friend from fxgroup get goto groupshared highp impl implements import inline instanceof interface layout lowp macro
  macro_rules match mediump meta mod module move mut mutable namespace new nil noexcept noinline nointerpolation non_coherent
  noncoherent noperspective null nullptr of operator package packoffset partial pass patch pixelfragment precise precision premerge
  priv protected pub public readonly ref regardless register reinterpret_cast require resource restrict self set shared sizeof
  smooth snorm static static_assert static_cast std subroutine super target template this thread_local throw trait try type typedef
  typeid typename typeof union unless unorm unsafe unsized use using varying virtual volatile wgsl where with writeonly
  yield`.split(/\s+/),
);
/** Words of the language itself, which no declaration may take: section 15.1. */
const KEYWORDS = new Set(
  `alias break case const const_assert continue continuing default diagnostic discard else enable false fn for if let loop override
  requires return struct switch true var while`.split(/\s+/),
);

const FAMILY_OF_FUNCTIONS = /^(subgroup|quad)[A-Z]|^(un)?pack\dx|^dot4[IU]8Packed$/;

/** What matters of a text, in the order in which it is tried. */
const TOKEN = new RegExp(
  [
    /\/\/.*|\/\*[\s\S]*?\*\//, // comments
    /@\w+(?:\([^)]*\))?/, // attributes
    /struct\s+(?<struct>\w+)\s*\{(?<fields>[^}]*)\}/,
    /\bfn\s+(?<fn>\w+)/,
    /\b(?:let|var|const|override|alias)\b(?:\s*<[^>]*>)?\s*(?<variable>[a-z_]\w*)/,
    /\bu\.(?<uniform>\w+)/,
    /\.\s*[a-z_]\w*/, // members
    /(?:0x[\da-f]+|\d+\.?\d*(?:e[+-]?\d+)?)[a-z]?/, // numbers
    /(?<name>[a-z_]\w*)(?<follows>\s*[:(<])?/,
    /(?<mark>[{};])/,
  ]
    .map(({ source }) => source)
    .join('|'),
  'gi',
);

export interface WgslNames {
  /** Names that the text uses and does not declare, with the place of the first use; a uniform is `u.<name>`. */
  readonly free: ReadonlyMap<string, number>;
  /** Functions and variables that it declares for text that follows: those whose block it has not closed. */
  readonly declared: ReadonlySet<string>;
}

/** Reads the names of a shader, or of a part that is whole statements or whole functions. */
export function wgslNames(code: string): WgslNames {
  const free = new Map<string, number>();
  const scopes: { readonly names: Set<string>; header: 'fn' | 'for' | undefined }[] = [];
  const open = (header?: 'fn' | 'for') => scopes.push({ names: new Set(), header });
  const declare = (name: string) => scopes.at(-1)?.names.add(name);
  open();
  // Functions and variables of a module are known before they are declared.
  for (const [, name] of code.matchAll(/\b(?:fn\s|var\s*<[^>]*>)\s*(\w+)/g)) declare(name as string);

  let unfinished: string[] = []; // A variable is none in its own initialiser.
  for (const { index, groups = {} } of code.matchAll(TOKEN)) {
    const { struct, fields, fn, variable, uniform, name, follows = '', mark } = groups;
    const top = scopes.at(-1) as (typeof scopes)[number];
    const use = (used: string) => {
      if (!scopes.some(({ names }) => names.has(used)) && !free.has(used)) free.set(used, index);
    };
    if (struct) {
      declare(struct);
      const uniforms = struct === 'Uniforms' ? (fields as string).matchAll(/(\w+)\s*:/g) : [];
      for (const [, field] of uniforms) declare(`u.${field}`);
    } else if (fn) open('fn');
    else if (variable) unfinished.push(variable);
    else if (uniform) use(`u.${uniform}`);
    else if (name === 'for') open('for');
    else if (name) {
      if (top.header === 'fn' && follows.endsWith(':')) declare(name);
      else if (!isOfLanguage(name, follows)) use(name);
    } else if (mark === '{') {
      if (top.header) top.header = undefined;
      else open();
    } else if (mark === '}') {
      if (scopes.length > 1) scopes.pop();
    } else if (mark === ';') {
      for (const each of unfinished) declare(each);
      unfinished = [];
    }
  }
  return { free, declared: new Set(scopes.flatMap(({ names }) => [...names])) };
}

/** Names of a shader that the language does not allow, with the place of the first: {@link RESERVED}, {@link KEYWORDS}, `__...`. */
export function forbiddenNames(code: string): ReadonlyMap<string, number> {
  const text = code.replace(/\/\/.*|\/\*[\s\S]*?\*\//g, (comment) => ' '.repeat(comment.length));
  const found = new Map<string, number>();
  const take = (name: string, index: number) => found.has(name) || found.set(name, index);
  for (const { 0: name, index } of text.matchAll(/[a-z_]\w*/gi)) {
    if (RESERVED.has(name) || name.startsWith('__')) take(name, index);
  }
  for (const match of text.matchAll(/\b(?:let|var|const|override|alias|fn|struct)\b(?:\s*<[^>]*>)?\s+(\w+)/g)) {
    const [whole, name] = match as unknown as [string, string];
    if (KEYWORDS.has(name)) take(name, match.index + whole.length - name.length);
  }
  return found;
}

function isOfLanguage(name: string, follows: string): boolean {
  if (WORDS.has(name) || SIZED_TYPE.test(name)) return true;
  return /[(<]$/.test(follows) && (FUNCTIONS.has(name) || FAMILY_OF_FUNCTIONS.test(name));
}
