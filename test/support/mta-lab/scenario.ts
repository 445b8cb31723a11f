/** What is played in the lab: a site's configuration and sessions of clients, line by line. */

export interface SiteConfig {
  readonly aliases?: string;
  readonly access?: string;
  readonly relayDomains?: string;
  readonly virtusertable?: string;
  readonly mailertable?: string;
  readonly local?: string;
  /** More lines of the .mc file for sendmail, and the same settings for ours. */
  readonly mc?: readonly string[];
  readonly ours?: Readonly<Record<string, unknown>>;
}

export interface Step {
  /** What the client sends, with its line ends. */
  readonly send: string;
  /** How many replies it waits for; 0: none. */
  readonly replies: number;
}

export interface SessionScript {
  readonly from: string;
  readonly port?: number;
  /** Sends before it is greeted. */
  readonly isEarly?: boolean;
  readonly steps: readonly Step[];
  /** Ends without QUIT: closes or resets. */
  readonly end?: 'close' | 'reset';
}

export interface Scenario {
  readonly name: string;
  readonly config: SiteConfig;
  readonly sessions: readonly SessionScript[];
  /** Queue runs after the sessions. */
  readonly queueRuns?: number;
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
  }[];
}
