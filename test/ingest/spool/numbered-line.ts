/** Lines that tell their number and, by their length and filling, whether they are whole. */
export function numberedLine(number: number): string {
  return `${number} `.padEnd(20 + ((number * 7919) % 400), String(number % 10));
}

export function numberOf(text: string): number {
  return Number(text.slice(0, text.indexOf(' ')));
}
