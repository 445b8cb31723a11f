/** Log files at hand: can they be read, what are they, and what does their content tell. */
import { expandInputs } from '../../../ingest/source/expand-inputs.ts';
import type { FileInput, Input } from '../../../ingest/source/input.ts';
import { openFile, readHead } from '../../../ingest/source/input.ts';
import { formatBytes } from '../../../reports/render/numbers.ts';
import { MaillogError } from '../../model/errors.ts';
import type { CommandContext } from '../context.ts';
import { loadFiles } from '../load-files.ts';
import { judge } from './contents.ts';
import { doubtful, type Finding, fine, wrong } from './finding.ts';
import { SAMPLE_BYTES, stampForm } from './stamp-form.ts';
import { TallySink } from './tally-sink.ts';

interface Look {
  /** The form of its stamps, null if it has none that can be read. */
  readonly form: string | null;
  readonly text: string;
}

const CHECK = 'file';
/** What is read once cannot be looked at before. */
const STREAM: Look = { form: 'unknown', text: 'a stream' };

/** Findings on each input that the names stand for. */
export async function checkFiles(
  context: CommandContext,
  names: readonly string[],
): Promise<readonly Finding[]> {
  if (names.length === 0) return [];
  const { inputs, problems } = await expandInputs(names, () => context.io.stdin);
  const findings = problems.map(({ name, message }) => {
    const [problem, ...advice] = message.split('; ');
    return wrong(CHECK, `${name}: ${problem}`, advice.join('; ') || 'name log files or folders');
  });
  for (const input of inputs) findings.push(...(await checkInput(context, input)));
  return findings;
}

async function checkInput(context: CommandContext, input: Input): Promise<readonly Finding[]> {
  const { name } = input;
  const look = input.kind === 'file' ? await lookAt(input) : STREAM;
  const sink = new TallySink(context.now);
  let loaded: Awaited<ReturnType<typeof loadFiles>>;
  try {
    loaded = await loadFiles(context, sink, [name], { takeUnterminated: true });
  } catch (error) {
    if (!(error instanceof MaillogError)) throw error;
    return [wrong(CHECK, `${name}: ${error.message}`, 'check the file')];
  }
  const { counts, events, problems } = loaded;
  const { sent, first, last, reasons, clock, mtas } = sink;
  const whose = mtas.length > 0 ? `, lines of ${mtas.join(', ')}` : '';
  const shown = name === '-' ? 'standard input' : name;
  const text = `${shown}: ${look.text}${whose}`;
  const place = { prefix: `${shown}: `, now: context.now.getTime(), zone: context.zone };
  const contents = { counts, events, sent, first, last, reasons, clock };
  const file = problems > 0 ? damaged(text) : judgeForm(text, look.form, counts.read);
  return [file, ...judge(contents, place)];
}

function damaged(text: string): Finding {
  return wrong(CHECK, `${text}; it cannot be read to its end`, 'fetch a whole copy');
}

function judgeForm(text: string, form: string | null, lines: number): Finding {
  if (form !== null || lines === 0) return fine(CHECK, text);
  return doubtful(
    CHECK,
    `${text}; no line of its beginning starts with a stamp`,
    'is this a syslog file? What journalctl shows is read with -o short-iso',
  );
}

/** What can be told of a file without reading it. */
async function lookAt(input: FileInput): Promise<Look> {
  const { bytes, format } = await openFile(input);
  try {
    const form = stampForm(await readHead(bytes, SAMPLE_BYTES));
    const size = formatBytes(input.fileSize);
    const packed = format === 'plain' ? 'not compressed' : format;
    const stamps = form === null ? '' : `, stamps ${form}`;
    return { form, text: `${size}, ${packed}${stamps}` };
  } finally {
    await bytes.close();
  }
}
