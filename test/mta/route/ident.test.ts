import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import { suite, test } from 'node:test';
import { askIdent } from '../../../src/mta/route/ident.ts';

/** What is made of this answer; the server says nothing where there is none. */
async function asked(answer: string | null): Promise<{ user: string | undefined; heard: string }> {
  let heard = '';
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      heard += bytes.toString('latin1');
      if (answer !== null) socket.write(answer, 'latin1');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const user = await askIdent({
    clientAddress: '127.0.0.1',
    clientPort: 4000,
    localAddress: '127.0.0.1',
    localPort: 25,
    timeoutMs: answer === null ? 50 : 5000,
    port,
  });
  server.close();
  return { user, heard };
}

suite('who is connecting', () => {
  test('is asked with both ports and answered with a name', async () => {
    const { user, heard } = await asked('4000 , 25 : USERID : UNIX : john\r\n');
    assert.deepEqual([user, heard], ['john', '4000 , 25\r\n']);
  });

  test('is not known', async () => {
    const answers = [
      '4000,25:ERROR:NO-USER\r\n',
      '4000,25:USERID:UNIX:jo hn\r\n',
      '4000,25:USERID:UNIX:a\x07b\r\n',
      `${'x'.repeat(600)}`,
      '\r\n',
      null,
    ];
    for (const answer of answers) assert.equal((await asked(answer)).user, undefined);
  });
});
