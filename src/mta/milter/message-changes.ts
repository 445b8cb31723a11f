/**
 * What filters make of a message: header fields, body, recipients, sender. Each change is carried out and
 * told in the words of sendmail's log.
 */
import type { MilterChange } from './protocol.ts';

/** `value` is what stands behind the colon and one blank; lines within it end in LF. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

export interface FilteredMessage {
  readonly headers: readonly HeaderField[];
  /** Bytes with LF line ends. */
  readonly body: Buffer;
}

export class MessageChanges {
  #headers: HeaderField[];
  #body: Buffer;
  #newBody: Buffer[] | null = null;
  /** Whether header or body are other than they came. */
  isChanged = false;
  readonly addedRecipients: { readonly address: string; readonly args: string }[] = [];
  readonly deletedRecipients: string[] = [];
  sender: { readonly address: string; readonly args: string } | null = null;
  quarantine: string | null = null;

  constructor(message: FilteredMessage) {
    this.#headers = [...message.headers];
    this.#body = message.body;
  }

  get headers(): readonly HeaderField[] {
    return this.#headers;
  }

  get body(): Buffer {
    return this.#body;
  }

  /** Carries out a change; what the log says of it, null for nothing. */
  apply(change: MilterChange): string | null {
    switch (change.kind) {
      case 'add header':
        this.#insert(this.#headers.length, change.name, change.value);
        return `add: header: ${change.name}: ${change.value}`;
      case 'insert header':
        this.#insert(change.index, change.name, change.value);
        return `insert (${change.index}): header: ${change.name}: ${change.value}`;
      case 'change header':
        return this.#change(change.index, change.name, change.value);
      case 'add recipient':
        this.addedRecipients.push({ address: change.address, args: change.args });
        return `add: rcpt: ${change.address}`;
      case 'delete recipient':
        this.deletedRecipients.push(change.address);
        return `delete: rcpt ${change.address}, naddrs=1`;
      case 'change sender':
        this.sender = { address: change.address, args: change.args };
        return `chgfrom: ${change.address}`;
      case 'quarantine':
        this.quarantine = change.reason;
        return `quarantine=${change.reason}`;
      case 'replace body':
        this.#newBody ??= [];
        this.#newBody.push(change.bytes);
        return null;
    }
  }

  /** A filter's pieces of a new body are all there; what the log says. */
  finishBody(): string | null {
    if (this.#newBody === null) return null;
    const text = Buffer.concat(this.#newBody).toString('latin1').replaceAll('\r\n', '\n');
    this.#body = Buffer.from(text, 'latin1');
    this.#newBody = null;
    this.isChanged = true;
    return 'message: body replaced';
  }

  #insert(index: number, name: string, value: string): void {
    this.isChanged = true;
    this.#headers.splice(Math.min(index, this.#headers.length), 0, { name, value });
  }

  #change(index: number, name: string, value: string): string | null {
    const places = [...this.#headers.keys()].filter(
      (at) => this.#headers[at]?.name.toLowerCase() === name.toLowerCase(),
    );
    const place = places[Math.max(index, 1) - 1];
    const old = place === undefined ? undefined : this.#headers[place];
    if (place === undefined || old === undefined) {
      if (value === '') return null;
      this.#insert(this.#headers.length, name, value);
      return `add: header: ${name}: ${value}`;
    }
    this.isChanged = true;
    if (value === '') {
      this.#headers.splice(place, 1);
      return `delete: header ${old.name}:${old.value}`;
    }
    this.#headers[place] = { name: old.name, value };
    return `change: header ${old.name}: from ${old.value} to ${value}`;
  }
}

/** As filters are shown it: every line ends in CR LF. */
export function withCrLf(body: Buffer): Buffer {
  return Buffer.from(body.toString('latin1').replaceAll(/\r?\n/g, '\r\n'), 'latin1');
}
