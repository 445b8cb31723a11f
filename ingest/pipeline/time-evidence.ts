/**
 * Lines of a block whose true time is known, in line order: the growing columns of line number and UTC
 * seconds. What is not known (NaN) is not taken.
 */
import { grown } from './table-builder.ts';

export class TimeEvidence {
  count = 0;
  /** Far below any line while there is none. */
  lastLine = Number.MIN_SAFE_INTEGER;
  lines = new Int32Array(1024);
  seconds = new Float64Array(1024);

  /** Lines from one piece to the next that are worth taking. */
  step = 1;

  clear(step: number): void {
    this.step = step;
    this.count = 0;
    this.lastLine = Number.MIN_SAFE_INTEGER;
  }

  add(line: number, seconds: number): void {
    if (Number.isNaN(seconds)) return;
    if (this.count === this.lines.length) {
      this.lines = grown(this.lines, new Int32Array(this.count * 2));
      this.seconds = grown(this.seconds, new Float64Array(this.count * 2));
    }
    this.lines[this.count] = line;
    this.seconds[this.count] = seconds;
    this.count += 1;
    this.lastLine = line;
  }
}
