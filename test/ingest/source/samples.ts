/**
 * Log text and archives of it for the tests of this folder: lines made by a formula, the archives made by
 * zstd 1.5, bzip2 1.0.8 and xz 5.4 from them, so that the tests need none of these tools.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';

/** A small generator of numbers that are the same in each run (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Lines of a mail log, each with its LF. */
export function logText(lineCount: number, seed = 1): string {
  const random = seeded(seed);
  const upTo = (limit: number) => Math.floor(random() * limit);
  let text = '';
  for (let line = 0; line < lineCount; line++) {
    const clock = [line / 3600, (line / 60) % 60, line % 60].map((part) =>
      String(Math.floor(part)).padStart(2, '0'),
    );
    text +=
      `Nov  1 ${clock.join(':')} mx${upTo(3)} sm-mta[${upTo(30_000)}]: 4A1${upTo(1e9).toString(36)}: ` +
      `to=<user${upTo(500)}@example${upTo(50)}.org>, delay=00:00:0${upTo(10)}, mailer=esmtp, ` +
      `relay=mail.example${upTo(50)}.org. [192.0.2.${upTo(255)}], dsn=2.0.0, stat=Sent (ok ${upTo(1e9)})\n`;
  }
  return text;
}

/** What the archives below hold. */
export const SAMPLE = Buffer.from(logText(12));

/** SAMPLE, compressed by `zstd -19`, `bzip2` and `xz`. */
export const ARCHIVES = {
  zstd: base64(
    'KLUv/WRmB20PANacThwwdQ7/JlEEwAyn2mX4irSLsiIiIuTg666BQccwVgBCAEAAgztgOhE2cGhDKaWT8rHBpFOJ' +
      'wwaay+pQBw51oUwWG+RBNF2oCBsgJJyM1Ja6aKwpRCXul0N1PIZD5mIFzOZw01CxrODI1pgui2B1GIYsVrhjyNgn' +
      'swjomYt3q7z//Zjp7zrxVIu//nh63vZTLz83+XE636ziaWJqa9/qvemX3z+pThu3YiJAkPz9zrnMkgmwC0MxDtd0' +
      'dViVt8T5NRvf/bX2zmXlvF1OYh6fvb5Of26+tohNE/dXt1pvTtWol73f/DPvVxdRLf+46/Wd2y6utjM3bGRrv5IX' +
      'AIFyU278337NS06c3hJCXX5MzPzOdqcMHRvXs6J4NNeEqHuH2Lj++s29Za7ejjaQx2PvM+J/LzI7t0t8xAa6a6gh' +
      'UNGQWRjVyrIGMEtBUh2iKIbFuIYnYATE0oIpHhVImDk5BuCTHwvO95wAWt4NWyYmdTNj5gyPtDyTQSzDOGhdmVlZ' +
      'RA0E4jb2AoN/s8M4KYaTUOmIhQMsPKtZDgNnWwwGIYPjZu1x8YqAtoFzF/EdtscSatxPOPa2Z9NQ7jO2BCdHm5D5' +
      'pSGEYwHtjBqIbnMi+I0HSjiGAdNS20s9/crLEdUuRoCAlPLkn5U3nQZuxFFT',
  ),
  bzip2: base64(
    'QlpoOTFBWSZTWW8Km7MAAkxfgAAQQGd/92ABCAo////wQAKdq60FWgYAaaNBpiAAABkANAIyERT0j0nqbUNANB6g' +
      'AkSiaAaAAAAAA0BUpNEGRqegp4U0ZNA9RpobU2pUnqT+kvJcTpG8lJMCXkMdmW3Lbv3V1juoAmU2JDQwigFoAtgC' +
      'zBxFsTRtbmAXUAl157s1KUW0ehLyeZPuSwlqSUJRPMmloZGW+U1CeZT3YWDxq7/wFXcAQEyXK9MvIdQZgjG02MZA' +
      'CrMlaUzpw4Us8TtSNSQAKlVszZ5030yAUruSXMVmuyX8cA+J/CZ5a4QI8o/L1VjI4PPErTR0b9irMU17Zj7qpwJi' +
      'TUS3LExturXPRqbhZH2l24q0HbtWme97tL2i3BK89nl87CRgYo1Y+Q1h5bKPumNPfGERKsqozxIBa2a9zGhqLvtm' +
      'VebtTOoros2aAiCZ3Ws5TR9LXrOZur1kblbnPC4RNge7cW1jZbZ1owuzYraiwd8jhp9RSZQX2iNndaMArYo2qu0W' +
      'xvKqcOND8JEeNvt7QCyvV5/2m9PD20bwneTsTMT/E+ZLyWk+JOenLVZhbZuorMAXkAWgC9w7wCMEPVPeYx0k2ToH' +
      'yZ2hdPbQtsJ8hPISwmf6iXZvx4bBLhOpOJPUlAKUFhBe1xY2MbTTQ7lGK1biuChgtf4zCc/EnHhgToJ6CWE3E17S' +
      'cCYCdSXEqTl+qkvJ3k6k5CexKk8BKeWPPtphypONCdxOInIlhKk8SWE6E+HAncTcS4lhK4c+xNRMss5NYmGkTh/x' +
      'dyRThQkG8Km7MA==',
  ),
  xz: base64(
    '/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AhlAf5dACcbysILtLWkR5hcjwDKkdy3r4FoSv9ZkicB6vlmSnsAnXWS' +
      'a5Fb0TbClEAxCsUSz7Ais/O5d/h98KiqcubIfMdpG0fs5ye7JgHzglztI8Jgjubgl9nIr1oHID9c2ClB6YJNGEbp' +
      '5mIgXYQ+wo27Wbk5ldCM1a8l6skzrs31A76Fv9gY+aHdMAy7ICBBQuPEmIn/DY2IiIvhc1PBtub0Or20iLyEgbMj' +
      'flL6kW565kp7w3/0t5A1wvcL4FIMMkJshQUdRimi0BNxalQfKWKtG3Iv3X6ppqoC5TGhFn4m4B/QKHG8O9w3UrRw' +
      'nDwCeAJB1Pn1NqWulbzQbSx7u/H/EAPfrQjrpaqQR6IWczdK181BtXbNmr09BceLDHCm/PnVymc5eNXMZdFlm+jC' +
      'wGDX8dS5coNvz/n0HirMbdJ0lHZZVSgya2M15qedZKnGIVOzr8dyHc+6qAmke0R0STON9Ut5ChC0LE4EAWhlyA9V' +
      'x+nVGf8+2BtwIE78a1F0SHxOenBNIrV0b9K74c1lCgHiqt4srVvLvMi8d3zkyTbC0Qot9g+WYPlPgwK8OpoSI0V/' +
      'AHQsLZXu4H5HvvJBfBWkyPbtvPSriw0jPUphuW9Ui/Nu6b/uBf9DSJHq6AZcAhL2SGlhz8/Fz7phCrI21ocdA/Ur' +
      'ai78gAM9608lhdpuAAAAAAJIXsDX9P/wAAGaBOYQAACs+hplscRn+wIAAAAABFla',
  ),
} as const;

function base64(text: string): Buffer {
  return Buffer.from(text, 'base64');
}

/** A skippable zstd frame (RFC 8878, 3.1.2). */
export function skippableFrame(content: string): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt32LE(0x184d2a53, 0);
  header.writeUInt32LE(content.length, 4);
  return Buffer.concat([header, Buffer.from(content, 'latin1')]);
}

/** Is this command-line tool here? */
export function hasTool(tool: string): boolean {
  try {
    execFileSync(tool, ['--version'], { stdio: 'ignore', input: '' });
    return true;
  } catch {
    return false;
  }
}

/** What a tool makes of its standard input. */
export function pipe(tool: string, args: readonly string[], input: Buffer): Buffer {
  return execFileSync(tool, args, { input, maxBuffer: 1 << 28, stdio: ['pipe', 'pipe', 'ignore'] });
}

/** A folder that is gone after the test. */
export function tempFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'maillog-source-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}
