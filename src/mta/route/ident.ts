/**
 * Asks a client's machine who is connecting (RFC 1413). Off unless the site wants it: few answer, and what they say is
 * their own word.
 *
 * Promises: bounded in time and bytes; an answer is letters, digits and a few signs, or none.
 */
import { connect } from 'node:net';

export interface IdentQuestion {
  readonly clientAddress: string;
  readonly clientPort: number;
  /** Ours, that the client is connected to. */
  readonly localAddress: string;
  readonly localPort: number;
  readonly timeoutMs: number;
  /** 113 but in tests. */
  readonly port?: number;
}

const IDENT_PORT = 113;
const LONGEST = 512;
const ANSWER = /^\s*\d+\s*,\s*\d+\s*:\s*USERID\s*:[^:]*:\s*([\w.+-]{1,64})\s*$/i;

/** The user's name; undefined where nobody tells. */
export function askIdent(question: IdentQuestion): Promise<string | undefined> {
  const { clientAddress, clientPort, localAddress, localPort, timeoutMs } = question;
  return new Promise((resolve) => {
    const socket = connect({
      host: clientAddress,
      port: question.port ?? IDENT_PORT,
      // The question is about a connection of this address of ours.
      localAddress,
    });
    let text = '';
    const settle = (user: string | undefined) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(user);
    };
    const timer = setTimeout(() => settle(undefined), timeoutMs);
    socket.setEncoding('latin1');
    socket.on('connect', () => socket.write(`${clientPort} , ${localPort}\r\n`));
    socket.on('data', (part: string) => {
      text += part;
      const end = text.indexOf('\n');
      if (end >= 0) settle(ANSWER.exec(text.slice(0, end))?.[1]);
      else if (text.length > LONGEST) settle(undefined);
    });
    socket.on('error', () => settle(undefined)).on('close', () => settle(undefined));
  });
}
