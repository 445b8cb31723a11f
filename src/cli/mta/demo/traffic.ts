/** What happens in the afternoon, out of a seed: who sends what to whom, and when. */
import type { Chance } from './chance.ts';
import type { PlayedMail, Target } from './client.ts';
import {
  CAMPUS,
  CLIENTS,
  DOWN,
  FRIENDS,
  GREY,
  GUESSER,
  INTERNET,
  LAB,
  LATER,
  SLOW,
  USERS,
  VICTIM,
} from './world.ts';

export interface Ports {
  readonly campus: Target;
  readonly submission: Target;
  /** The internet's server. */
  readonly internet: Target;
}

export interface Scene {
  /** Milliseconds from the beginning. */
  readonly at: number;
  readonly mail: PlayedMail;
}

const MINUTE = 60_000;
/** Of the whole afternoon; a shorter one has its part of it. */
const AFTERNOON = 240;
const SUBJECTS = [
  'Re: minutes of Monday',
  'lunch?',
  'exam rooms',
  'your draft',
  'invoice 2231',
  'seminar on Thursday',
  'library books',
  'network outage tonight',
];
const WORDS = 'the of and to in is that for on with as this will not are be have from or by'.split(
  ' ',
);

/** In the order of time. */
export function scenes(chance: Chance, ports: Ports, minutes: number): readonly Scene[] {
  const author = new Author(chance, ports, minutes);
  author.everyday();
  author.refused();
  author.waiting();
  author.attacks();
  return author.scenes.toSorted((a, b) => a.at - b.at);
}

type Sent = Pick<PlayedMail, 'sender' | 'recipients'> & Partial<PlayedMail>;
type Named = readonly [helo: string, address: string];

class Author {
  readonly scenes: Scene[] = [];
  readonly #chance: Chance;
  readonly #ports: Ports;
  readonly #minutes: number;
  #messages = 0;

  constructor(chance: Chance, ports: Ports, minutes: number) {
    this.#chance = chance;
    this.#ports = ports;
    this.#minutes = minutes;
  }

  everyday(): void {
    const { pick, some } = this.#bound();
    this.#often(110, (at) =>
      this.#inbound(at, { sender: this.#friend(), recipients: some(PEOPLE, 1 + this.#few()) }),
    );
    // By way of the internet's own server, which comes back for what it could not deliver.
    this.#often(40, (at) =>
      this.#add(at, ['ws4.partner.example', '127.20.0.11'], this.#ports.internet, {
        sender: `${pick(FRIENDS)}@partner.example`,
        recipients: some(PEOPLE, 1),
      }),
    );
    this.#often(80, (at) => this.#fromLab(at, some(OUTSIDE, 1 + this.#few())));
    this.#often(50, (at) => this.#fromLab(at, some(PEOPLE, 1 + this.#few())));
    this.#often(12, (at) => this.#fromLab(at, [pick(LISTS)]));
    this.#often(16, (at) => this.#loggedIn(at, some([...OUTSIDE, ...PEOPLE], 1)));
    this.#often(3, (at) =>
      this.#add(at, CLIENTS.news, this.#ports.campus, {
        sender: 'bounce-771@news.example',
        recipients: PEOPLE.slice(0, 8),
        text: this.#text('weekly@news.example', 'This week in the news', 'Precedence: bulk\n'),
      }),
    );
  }

  refused(): void {
    const { pick, between } = this.#bound();
    this.#often(24, (at) =>
      this.#inbound(at, {
        sender: this.#friend(),
        recipients: [
          `${pick(['jsmith', 'info', 'sales', 'admin', 'hr'])}${between(1, 30)}@${CAMPUS.domain}`,
        ],
      }),
    );
    this.#often(10, (at) => this.#fromLab(at, [`nobody${between(1, 40)}@partner.example`]));
    this.#often(12, (at) =>
      this.#add(at, CLIENTS.relay, this.#ports.campus, {
        sender: 'probe@far.example',
        recipients: [`test${between(1, 9)}@far.example`],
      }),
    );
    this.#often(8, (at) =>
      this.#add(at, CLIENTS.casino, this.#ports.campus, {
        sender: 'jackpot@casino.example',
        recipients: [pick(PEOPLE)],
      }),
    );
    this.#often(6, (at) =>
      this.#inbound(at, { sender: 'jackpot@casino.example', recipients: [pick(PEOPLE)] }),
    );
    this.#often(6, (at) =>
      this.#add(at, CLIENTS.ads, this.#ports.campus, {
        sender: 'pixel@ads.example',
        recipients: [pick(PEOPLE)],
      }),
    );
    this.#often(4, (at) =>
      this.#inbound(at, { sender: this.#friend(), recipients: [`retired@${CAMPUS.domain}`] }),
    );
    this.#often(5, (at) =>
      this.#inbound(at, { sender: 'x@no-such-domain.example', recipients: [pick(PEOPLE)] }),
    );
    for (const tellsSize of [true, false, true]) {
      const text =
        this.#text('video@isp.example', 'the video', '') + `${'x'.repeat(70)}\n`.repeat(9000);
      this.#often(1, (at) =>
        this.#inbound(at, {
          sender: 'video@isp.example',
          recipients: ['bob@campus.example'],
          text,
          tellsSize,
        }),
      );
    }
  }

  /** What takes more than one try, or more than a moment. */
  waiting(): void {
    const { pick, between } = this.#bound();
    for (const [count, { domain }, latest] of [
      [14, GREY, 0.8],
      [8, SLOW, 1],
      [6, LATER, 0.5],
      [4, DOWN, 0.7],
    ] as const) {
      this.#often(count, (at) =>
        this.#fromLab(at * latest, [`${pick(FRIENDS)}${between(1, 9)}@${domain}`]),
      );
    }
  }

  attacks(): void {
    const { pick, between } = this.#bound();
    const start = this.#minutes * 0.25;
    for (let tries = 0; tries < this.#share(36); tries += 1) {
      const user = pick([...USERS, 'admin', 'test', 'oracle', 'postgres']);
      const at = start + tries * 0.5 * this.#scale;
      this.#add(at * MINUTE, [`[${GUESSER}]`, GUESSER], this.#ports.submission, {
        sender: `${user}@${CAMPUS.domain}`,
        recipients: [],
        auth: { user, password: `123456${between(0, 9)}` },
      });
    }
    const burst = this.#minutes * 0.42;
    for (let sent = 0; sent < this.#share(60); sent += 1) {
      const victims = Array.from({ length: 5 }, () => {
        const name = pick([...FRIENDS, 'info', 'sales', 'office', 'mail']);
        return `${name}@${pick(INTERNET)[0]}`;
      });
      this.#add(
        (burst + sent * 0.2 * this.#scale) * MINUTE,
        CLIENTS.stolen,
        this.#ports.submission,
        {
          sender: `${VICTIM.user}@${CAMPUS.domain}`,
          recipients: [...new Set(victims)],
          auth: VICTIM,
          text: this.#text(`${VICTIM.user}@${CAMPUS.domain}`, 'You have won', ''),
        },
      );
    }
  }

  get #scale(): number {
    return this.#minutes / AFTERNOON;
  }

  #share(count: number): number {
    return Math.max(1, Math.round(count * this.#scale));
  }

  #often(count: number, write: (at: number) => void): void {
    for (let done = 0; done < this.#share(count); done += 1) {
      write(this.#chance.next() * this.#minutes * MINUTE);
    }
  }

  #bound(): Pick<Chance, 'pick' | 'some' | 'between'> {
    const chance = this.#chance;
    return {
      pick: (choices) => chance.pick(choices),
      some: (choices, count) => chance.some(choices, count),
      between: (least, most) => chance.between(least, most),
    };
  }

  /** Mostly none. */
  #few(): number {
    return this.#chance.next() < 0.75 ? 0 : this.#chance.between(1, 3);
  }

  #friend(): string {
    return `${this.#chance.pick(FRIENDS)}@${this.#chance.pick(['isp.example', 'university.example'])}`;
  }

  #inbound(at: number, mail: Sent): void {
    const client = mail.sender.endsWith('@university.example') ? CLIENTS.university : CLIENTS.isp;
    this.#add(at, client, this.#ports.campus, mail);
  }

  #fromLab(at: number, recipients: readonly string[]): void {
    const user = this.#chance.pick(USERS.slice(0, -1));
    this.#add(at, this.#chance.pick(LAB), this.#ports.campus, {
      sender: `${user}@${CAMPUS.domain}`,
      recipients,
    });
  }

  #loggedIn(at: number, recipients: readonly string[]): void {
    const user = this.#chance.pick(['alice', 'bob', 'grace']);
    const auth = { user, password: passwordOf(user) };
    const sender = `${user}@${CAMPUS.domain}`;
    this.#add(at, CLIENTS.phone, this.#ports.submission, { sender, recipients, auth });
  }

  #add(at: number, [helo, client]: Named, to: Target, mail: Sent): void {
    const text = mail.text ?? this.#text(mail.sender, this.#chance.pick(SUBJECTS), '');
    this.scenes.push({ at, mail: { ...mail, client, helo, to, text } });
  }

  #text(from: string, subject: string, more: string): string {
    this.#messages += 1;
    const lines = Array.from({ length: this.#chance.between(2, 40) }, () =>
      Array.from({ length: 10 }, () => this.#chance.pick(WORDS)).join(' '),
    );
    const domain = from.slice(from.lastIndexOf('@') + 1);
    const id = `<demo.${this.#messages}.${this.#chance.below(1e6)}@${domain}>`;
    return `From: ${from}\nSubject: ${subject}\nMessage-ID: ${id}\n${more}\n${lines.join('\n')}\n`;
  }
}

export function passwordOf(user: string): string {
  return user === VICTIM.user ? VICTIM.password : `${user}-has-a-good-one`;
}

const PEOPLE = USERS.map((user) => `${user}@${CAMPUS.domain}`);
const LISTS = ['staff', 'announce', 'alumni', 'helpdesk'].map((list) => `${list}@${CAMPUS.domain}`);
const OUTSIDE = INTERNET.flatMap(([domain]) => FRIENDS.map((friend) => `${friend}@${domain}`));
