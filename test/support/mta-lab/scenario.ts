/** What is played in the lab: a site's configuration and sessions of clients, line by line. */

export interface SiteConfig {
  readonly aliases?: string;
  readonly access?: string;
  readonly relayDomains?: string;
  readonly virtusertable?: string;
  readonly mailertable?: string;
  readonly local?: string;
  /** More files, in `/srv/lab`; what is in `bin/` may be run. */
  readonly files?: Readonly<Record<string, string>>;
  /** Files in the users' homes: `dave/.forward`. */
  readonly homes?: Readonly<Record<string, string>>;
  /** Made by openssl for the test, in `/srv/lab` as `ca.pem`, `server.pem` and `server.key`. */
  readonly certificates?: boolean;
  /** Their passwords. */
  readonly users?: Readonly<Record<string, string>>;
  /** More lines of the .mc file for sendmail; `mc-settings.ts` says what they are for ours. */
  readonly mc?: readonly string[];
  /** What those lines cannot say. */
  readonly ours?: Readonly<Record<string, unknown>>;
}

export interface Step {
  /** What the client sends, with its line ends. */
  readonly send: string;
  /** How many replies it waits for; 0: none. */
  readonly replies: number;
  /** Before it is sent, milliseconds. */
  readonly pause?: number;
  /** The replies once had, TLS begins. */
  readonly startsTls?: boolean;
  /** Instead of `send`: the answer to a CRAM-MD5 challenge. */
  readonly cramMd5?: { readonly user: string; readonly password: string };
}

export interface SessionScript {
  readonly from: string;
  readonly port?: number;
  /** Sends before it is greeted. */
  readonly isEarly?: boolean;
  /** TLS from the first byte. */
  readonly isTls?: boolean;
  readonly steps: readonly Step[];
  /** Ends without QUIT: closes or resets. */
  readonly end?: 'close' | 'reset';
}

export interface Scenario {
  readonly name: string;
  readonly config: SiteConfig;
  readonly sessions: readonly SessionScript[];
  /** Sessions that go on side by side; absent: one after the other. */
  readonly sessionsAtOnce?: number;
  /** Queue runs after the sessions. */
  readonly queueRuns?: number;
  /** Before each of them, milliseconds. */
  readonly runPauses?: readonly number[];
}

export interface Played {
  /** Per session what was said, `C: ` and `S: `. */
  readonly transcripts: readonly (readonly string[])[];
  readonly log: readonly string[];
  readonly mailboxes: Readonly<Record<string, string>>;
  /** sendmail.st, in base64. */
  readonly statistics: string;
  readonly queued: readonly string[];
  readonly taken: readonly {
    readonly host: string;
    readonly mailFrom: string;
    readonly recipients: readonly string[];
    readonly bytes: number;
    readonly text: string;
  }[];
}
