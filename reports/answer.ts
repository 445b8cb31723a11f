/**
 * Puts the questions of several sections as one statement, so that what they have in common is worked out
 * once, and hands each section its rows.
 *
 * Promise: the rows of a section are the same whether it is asked alone or with others.
 */
import type { JsonValue, Query, Row } from '../src/store/store.ts';
import type { Fact } from './facts/fact.ts';
import type { Section, SectionContext } from './section.ts';

export interface SectionAnswer {
  readonly section: Section;
  readonly rows: readonly Row[];
}

/** The facts needed, each after those it builds on. */
function inOrder(facts: readonly Fact[]): readonly Fact[] {
  const ordered = new Set<Fact>();
  const visit = (fact: Fact): void => {
    if (ordered.has(fact)) {
      return;
    }
    fact.needs.forEach(visit);
    ordered.add(fact);
  };
  facts.forEach(visit);
  return [...ordered];
}

/**
 * A row for each section, its rows as JSON text: rows of different columns in one answer. (As one row of
 * many lists, the same would be planned as a product of them all.)
 */
export function statementFor(sections: readonly Section[], context: SectionContext): string {
  // The only value that is written into the statement instead of bound.
  if (!Number.isSafeInteger(context.top) || context.top < 0) {
    throw new RangeError(`rows of a top list: ${context.top}`);
  }
  const facts = inOrder(sections.flatMap(({ needs }) => needs)).map(
    ({ name, kept, sql }) => `${name} AS ${kept ? '' : 'NOT '}MATERIALIZED (${sql})`,
  );
  const answers = sections.map(
    (section, index) =>
      `SELECT ${index} AS section, to_json(list(answer))::VARCHAR AS rows FROM (${section.sql(context)}) AS answer`,
  );
  const head = facts.length === 0 ? '' : `WITH ${facts.join(',\n')}\n`;
  return head + answers.join('\nUNION ALL\n');
}

function rowsOf(text: JsonValue | undefined): readonly Row[] {
  return typeof text === 'string' ? (JSON.parse(text) as Row[]) : [];
}

export async function answerSections(
  query: Query,
  sections: readonly Section[],
  context: SectionContext,
): Promise<readonly SectionAnswer[]> {
  const { start, end } = context;
  const { rows } = await query.query(statementFor(sections, context), { start, end });
  const texts = new Map(rows.map((row) => [row.section, row.rows]));
  return sections.map((section, index) => {
    const found = rowsOf(texts.get(index));
    return { section, rows: section.shape?.(found, context) ?? found };
  });
}
