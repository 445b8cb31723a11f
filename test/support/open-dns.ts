/** A DNS server of a few lines in which every name has one address, 127.0.0.1, and nothing else (RFC 1035 4). */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';

export interface OpenDns {
  /** As resolvers are told of it. */
  readonly address: string;
  stop(): Promise<void>;
}

const HEADER = 12;
const TYPE_A = 1;
/** A pointer to the question's name, type A, class IN, a minute, four bytes. */
const ANSWER = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 127, 0, 0, 1]);

export async function startOpenDns(): Promise<OpenDns> {
  const socket = createSocket('udp4');
  socket.on('message', (question, peer) => {
    const answer = answerTo(question);
    if (answer !== undefined) socket.send(answer, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const stop = async () => {
    socket.close();
    await once(socket, 'close');
  };
  return { address: `127.0.0.1:${socket.address().port}`, stop };
}

function answerTo(question: Buffer): Buffer | undefined {
  let end = HEADER;
  while (end < question.length && question[end] !== 0) end += (question[end] ?? 0) + 1;
  end += 5;
  if (end > question.length) return undefined;
  const isAddress = question.readUInt16BE(end - 4) === TYPE_A;
  const head = Buffer.from(question.subarray(0, HEADER));
  // A response, recursion available; one question, and one answer or none.
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt16BE(isAddress ? 1 : 0, 6);
  head.writeUInt32BE(0, 8);
  const asked = question.subarray(HEADER, end);
  return Buffer.concat(isAddress ? [head, asked, ANSWER] : [head, asked]);
}
