/**
 * Random numbers from a seed, so that a test with random input fails again the same way (xorshift128,
 * Marsaglia 2003; splitmix32 for the seed).
 */
export interface RandomSource {
  /** An integer in [0, limit), limit at most 2^32. */
  readonly below: (limit: number) => number;
  readonly chance: (probability: number) => boolean;
  readonly pick: <T>(choices: readonly [T, ...T[]]) => T;
  readonly int64: () => bigint;
}

export function randomSource(seed: number): RandomSource {
  const state = new Uint32Array(4);
  for (let i = 0, s = seed; i < 4; i++) {
    s = (s + 0x9e3779b9) | 0;
    let mixed = Math.imul(s ^ (s >>> 16), 0x21f0aaad);
    mixed = Math.imul(mixed ^ (mixed >>> 15), 0x735a2d97);
    state[i] = mixed ^ (mixed >>> 15);
  }
  const next = () => {
    let [x = 0] = state;
    const w = state[3] ?? 0;
    x ^= x << 11;
    x ^= x >>> 8;
    state.copyWithin(0, 1);
    state[3] = x ^ w ^ (w >>> 19);
    return state[3];
  };
  const below = (limit: number) => Math.floor((next() / 2 ** 32) * limit);
  return {
    below,
    chance: (probability) => next() / 2 ** 32 < probability,
    pick: (choices) => choices[below(choices.length)] ?? choices[0],
    int64: () => BigInt.asIntN(64, (BigInt(next()) << 32n) | BigInt(next())),
  };
}
