/** Sends one message by SMTP, as plainly as it goes. */
import { play } from './mta-lab/play.ts';

export interface PlainMail {
  readonly from?: string;
  readonly to: readonly string[];
  /** With LF line ends, a character a byte, dots as they are. */
  readonly message: string;
  readonly host?: string;
}

/** What was said, each line with `C: ` or `S: ` before it. */
export function sendMail(port: number, mail: PlainMail): Promise<readonly string[]> {
  const { from = 'ann@partner.example', host = '127.0.0.1' } = mail;
  const wire = mail.message.replaceAll('\n', '\r\n').replaceAll(/^\./gm, '..');
  const say = (line: string) => ({ send: `${line}\r\n`, replies: 1 });
  const steps = [
    say('EHLO client.example'),
    say(`MAIL FROM:<${from}>`),
    ...mail.to.map((one) => say(`RCPT TO:<${one}>`)),
    say('DATA'),
    { send: `${wire}.\r\n`, replies: 1 },
    say('QUIT'),
  ];
  return play({ from: '127.0.0.1', steps }, { host, port });
}
