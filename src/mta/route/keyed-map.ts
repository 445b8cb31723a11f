/**
 * What the routing tables are asked through, whatever they are stored in; and how the values of such a map
 * take arguments (`%1`), as sendmail's map_rewrite() does.
 */
export interface KeyedMap {
  /** Keys are in lower case. */
  get(key: string): Promise<string | undefined> | string | undefined;
}

export const NO_MAP: KeyedMap = Object.freeze({ get: () => undefined });

/** `arguments_[0]` is the key: `%0`. `%%` is a percent sign; an argument that is not there is empty. */
export function withArguments(value: string, arguments_: readonly string[]): string {
  return value.replace(/%(%|\d)/g, (_all, sign: string) =>
    sign === '%' ? '%' : (arguments_[Number(sign)] ?? ''),
  );
}
