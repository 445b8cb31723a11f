/**
 * One setting's value from what a file, the environment or a flag holds, or why it is none.
 *
 * Promise: pure; text from the environment and flags obeys the same rules as values of the file.
 */
import { isTimeZone } from '../model/zone.ts';
import type { NameMap, Setting, SettingType, SettingValue } from './settings.ts';

export type Checked =
  | { readonly ok: true; readonly value: SettingValue }
  | { readonly ok: false; readonly allowed: string };

const GROUPED = new Intl.NumberFormat('en');
const DIGITS = /^\d{1,15}$/;

/** Years and other short numbers are written without a separator. */
function grouped(number: number): string {
  return number < 10_000 ? String(number) : GROUPED.format(number);
}

/** What a setting of this type may be, in words that end "must be ...". */
export function allowedValues(type: SettingType): string {
  switch (type.kind) {
    case 'text':
      return 'a text that is not empty';
    case 'path':
      return 'a file name';
    case 'whole':
      return `a whole number from ${grouped(type.min)} to ${grouped(type.max)}`;
    case 'zone':
      return 'a time zone by its IANA name, such as Europe/Berlin or UTC';
    case 'choice':
      return `one of ${type.choices.join(', ')}`;
    case 'map':
      return 'names to names: a table in the file, "a=b,c=d" elsewhere';
    case 'list':
      return `${type.of === 'path' ? 'file names' : 'texts'}: an array in the file, separated by commas elsewhere`;
  }
}

function toWhole(raw: unknown, min: number, max: number): number | null {
  const number = typeof raw === 'string' && DIGITS.test(raw.trim()) ? Number(raw) : raw;
  const fits = typeof number === 'number' && Number.isInteger(number);
  return fits && number >= min && number <= max ? number : null;
}

function toText(raw: unknown): string | null {
  // A NUL ends a file name for the system and is of no use in any other text.
  return typeof raw === 'string' && raw !== '' && !raw.includes('\0') ? raw : null;
}

/** A table's entries, or those of `a=b,c=d`, or of a flag given several times. */
function pairsOf(raw: unknown): readonly (readonly [string, unknown])[] | null {
  if (typeof raw === 'string' || Array.isArray(raw)) {
    const parts = String(raw)
      .split(',')
      .filter((part) => part.trim() !== '');
    return parts.map((part) => {
      const [name = '', ...rest] = part.split('=');
      return [name.trim(), rest.join('=').trim()];
    });
  }
  return typeof raw === 'object' && raw !== null ? Object.entries(raw) : null;
}

function toMap(raw: unknown): NameMap | null {
  const pairs = pairsOf(raw);
  // Null prototype: a host may be called anything, `__proto__` too.
  const map: Record<string, string> = Object.create(null);
  for (const [name, value] of pairs ?? []) {
    const text = toText(value);
    if (name === '' || text === null) {
      return null;
    }
    map[name] = text;
  }
  return pairs === null ? null : Object.freeze(map);
}

/** Commas part a text; in the file and as flags each item may hold some. */
function toList(raw: unknown): readonly string[] | null {
  const items = typeof raw === 'string' ? raw.split(',').map((item) => item.trim()) : raw;
  if (!Array.isArray(items)) return null;
  const texts = items.filter((item) => item !== '').map(toText);
  return texts.includes(null) ? null : Object.freeze(texts as string[]);
}

function convert(type: SettingType, raw: unknown): SettingValue {
  switch (type.kind) {
    case 'text':
    case 'path':
      return toText(raw);
    case 'whole':
      return toWhole(raw, type.min, type.max);
    case 'zone':
      return typeof raw === 'string' && isTimeZone(raw) ? raw : null;
    case 'choice':
      return typeof raw === 'string' && type.choices.includes(raw) ? raw : null;
    case 'map':
      return toMap(raw);
    case 'list':
      return toList(raw);
  }
}

export function checkValue(setting: Setting, raw: unknown): Checked {
  const value = convert(setting.type, raw);
  return value === null ? { ok: false, allowed: allowedValues(setting.type) } : { ok: true, value };
}
