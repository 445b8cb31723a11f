/**
 * Seeded chance for the traffic generator: the same seed gives the same numbers on every machine.
 * Promise: no call reads the clock or Math.random. The generator is sfc32 (PractRand's small fast
 * counter): quick, and far longer in period than any log.
 */
const BASE62 = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const HEX = '0123456789ABCDEF';

export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(seed: number) {
    this.#a = seed | 0;
    this.#b = (seed ^ 0x9e3779b9) | 0;
    this.#c = Math.imul(seed, 0x85ebca6b) | 0;
    for (let i = 0; i < 16; i++) this.#next();
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + sum;
    return sum >>> 0;
  }

  /** Uniform in [0, 1). */
  share(): number {
    return this.#next() / 4294967296;
  }

  /** A whole number in [0, below). */
  below(below: number): number {
    return Math.floor(this.share() * below);
  }

  between(low: number, high: number): number {
    return low + this.share() * (high - low);
  }

  chance(probability: number): boolean {
    return this.share() < probability;
  }

  pick<T>(list: readonly [T, ...T[]]): T {
    return list[this.below(list.length)] ?? list[0];
  }

  /** exp(N(mu, sigma)): sizes and delays are of this kind. */
  logNormal(mu: number, sigma: number): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.share()));
    return Math.exp(mu + sigma * radius * Math.cos(2 * Math.PI * this.share()));
  }

  /** Random text, `length` characters of `alphabet`. */
  token(length: number, alphabet: string = BASE62): string {
    let text = '';
    for (let i = 0; i < length; i++) text += alphabet[this.below(alphabet.length)];
    return text;
  }

  hex(length: number): string {
    return this.token(length, HEX);
  }
}

/** Draws ranks 0..count-1 so that rank r comes up in proportion to 1 / (r + 1) ** exponent. */
export class Zipf {
  readonly #sums: Float64Array;

  constructor(count: number, exponent: number) {
    this.#sums = new Float64Array(count);
    let sum = 0;
    for (let rank = 0; rank < count; rank++) {
      sum += (rank + 1) ** -exponent;
      this.#sums[rank] = sum;
    }
  }

  draw(random: Random): number {
    const sums = this.#sums;
    const wanted = random.share() * (sums.at(-1) ?? 0);
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sums[middle] ?? 0) > wanted) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
