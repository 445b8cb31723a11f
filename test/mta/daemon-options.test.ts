import assert from 'node:assert/strict';
import { test } from 'node:test';
import { daemonOptions } from '../../src/mta/daemon-options.ts';

test('ports as sendmail names them', () => {
  const [mta, msp, tls, unnamed] = daemonOptions([
    'Name=MTA-v4, Family=inet, Addr=192.0.2.10, Port=smtp',
    'Family=inet, Name=MSP-v4, Port=submission, M=Ea',
    'Name=TLSMTA, Port=465, M=s',
    'Family=inet6, Addr=IPv6:2001:db8::1',
  ]);
  assert.deepEqual(mta, {
    name: 'MTA-v4',
    host: '192.0.2.10',
    port: 25,
    isTls: false,
    isAuthRequired: false,
    isSubmission: false,
  });
  assert.deepEqual([msp?.port, msp?.isAuthRequired, msp?.isSubmission], [587, true, true]);
  assert.deepEqual([tls?.port, tls?.isTls, tls?.host], [465, true, '0.0.0.0']);
  assert.deepEqual([unnamed?.name, unnamed?.host, unnamed?.port], ['Daemon3', '2001:db8::1', 25]);
});

test('what makes no sense is refused', () => {
  for (const line of ['Port=70000', 'Port=x', 'Name', '=3']) {
    assert.throws(() => daemonOptions([line]), /DaemonPortOptions/, line);
  }
});
