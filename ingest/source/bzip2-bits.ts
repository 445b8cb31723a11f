/**
 * Bits, the high one first, out of a window of compressed bytes that is refilled between blocks.
 *
 * Promise: `read` never waits; reading past the window throws, for the bytes ended or a block is longer
 * than any block can be.
 */
import { type ByteFeed, DamagedArchive } from './byte-feed.ts';

export class BitReader {
  readonly #feed: ByteFeed;
  #window: Buffer = Buffer.alloc(0);
  #at = 0;
  #end = 0;
  #bits = 0;
  #count = 0;

  constructor(feed: ByteFeed) {
    this.#feed = feed;
  }

  /** Fills the window to at least `size` bytes, or with all there are. */
  async ensure(size: number): Promise<void> {
    this.#giveBack();
    if (this.#end - this.#at >= size) return;
    this.#makeRoom(size);
    while (this.#end - this.#at < size) {
      const bytes = await this.#feed.next(this.#window.length - this.#end);
      if (bytes === undefined) return;
      this.#end += bytes.copy(this.#window, this.#end);
    }
  }

  #makeRoom(size: number): void {
    if (this.#window.length - this.#at >= size) return;
    const window = this.#window.length >= size ? this.#window : Buffer.allocUnsafe(2 * size);
    this.#window.copy(window, 0, this.#at, this.#end);
    this.#end -= this.#at;
    this.#at = 0;
    this.#window = window;
  }

  /** The next bytes without reading them; only after `alignToByte`. */
  upcoming(count: number): Buffer {
    return this.#window.subarray(this.#at, Math.min(this.#at + count, this.#end));
  }

  /** Drops the bits up to the next whole byte. */
  alignToByte(): void {
    this.#giveBack();
    this.#count = 0;
  }

  /** Whole bytes that were looked at go back into the window. */
  #giveBack(): void {
    const bytes = this.#count >> 3;
    this.#at -= bytes;
    this.#count -= 8 * bytes;
    this.#bits >>>= 8 * bytes;
  }

  /** The next `count` bits, 24 at most. */
  read(count: number): number {
    this.#fill(count);
    this.#count -= count;
    return (this.#bits >>> this.#count) & ((1 << count) - 1);
  }

  /** The next 24 bits at most, without reading them; zeros stand for what lies past the end. */
  peek(count: number): number {
    while (this.#count < count) this.#shiftIn(this.#at < this.#end ? this.#window[this.#at] : 0);
    return (this.#bits >>> (this.#count - count)) & ((1 << count) - 1);
  }

  /** Reads bits that `peek` has shown. */
  skip(count: number): void {
    this.#count -= count;
    // The bits still held must be bytes of the window, not zeros that stood for its end.
    if (this.#at - (this.#count >> 3) > this.#end) throw truncated();
  }

  readWord(): number {
    const high = this.read(16);
    return high * 0x10000 + this.read(16);
  }

  #fill(count: number): void {
    while (this.#count < count) {
      if (this.#at >= this.#end) throw truncated();
      this.#shiftIn(this.#window[this.#at]);
    }
  }

  #shiftIn(byte = 0): void {
    this.#bits = (this.#bits << 8) | byte;
    this.#count += 8;
    this.#at++;
  }
}

function truncated(): DamagedArchive {
  return new DamagedArchive('the archive is truncated');
}
