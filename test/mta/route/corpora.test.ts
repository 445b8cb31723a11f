/**
 * Recipients of real sessions (see fixtures/mta/routes.json): what sendmail 8.17.1.9 answered to each RCPT and, where
 * it took it, by which mailer and, for a local one, with which relay= its log says it went.
 */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { suite, test } from 'node:test';
import type { Reply } from '../../../src/mta/model.ts';
import { AddressRouting } from '../../../src/mta/route/address-resolver.ts';
import { LocalNames, parseNameList } from '../../../src/mta/route/local-names.ts';
import { parseSmtpPath, replyAbout } from '../../../src/mta/route/smtp-path.ts';

interface Scenario {
  readonly scenario: string;
  readonly local: string;
  readonly virtusertable: string;
  readonly mailertable: string;
  readonly smartHost?: string;
  readonly recipients: readonly {
    readonly path: string;
    readonly reply: string;
    readonly mailer: string | null;
    readonly relay: string | null;
  }[];
}

const fixture = new URL('../../../../test/fixtures/mta/routes.json', import.meta.url);
const scenarios = JSON.parse(readFileSync(fixture, 'utf8')) as readonly Scenario[];

function mapOf(text: string) {
  const lines = text.split('\n').filter((line) => line.includes('\t'));
  const entries = new Map(
    lines.map((line): [string, string] => {
      const [key = '', value = ''] = line.split('\t');
      return [key.toLowerCase(), value];
    }),
  );
  return { get: (key: string) => entries.get(key) };
}

function asText({ code, status, text }: Reply): string {
  return `${code} ${status} ${text}`;
}

for (const { scenario, recipients, ...config } of scenarios) {
  suite(scenario, () => {
    const { virtusertable, mailertable, smartHost = '' } = config;
    const routing = new AddressRouting({
      names: new LocalNames({ hostName: 'mx1.corp.example', names: parseNameList(config.local) }),
      virtusertable: mapOf(virtusertable),
      mailertable: mapOf(mailertable),
      smartHost,
    });
    for (const { path, reply, mailer, relay } of recipients) {
      test(`${path} ${mailer ?? reply.slice(0, 3)}`, async () => {
        const outcome = parseSmtpPath(path, 'recipient');
        assert.ok(outcome.kind === 'path');
        assert.equal(outcome.path.shown, path.split(' ')[0]);
        const resolution = await routing.resolve(outcome.path.address);
        if (resolution.kind === 'error') {
          assert.equal(asText(replyAbout(outcome.path.shown, resolution.reply)), reply);
          return;
        }
        assert.match(reply, /^250|User unknown$|Relaying|^5\d\d 5\.[0127]\.\d|^501/);
        if (mailer === null) return;
        assert.equal(resolution.destination.mailer, mailer);
        if (mailer === 'local') assert.equal(resolution.destination.host, relay ?? '');
      });
    }
  });
}
