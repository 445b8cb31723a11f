import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { RepeatWatch, type SessionNote } from '../../../ingest/listen/repeat-watch.ts';

const PEER = '192.0.2.1';

function bytes(text: string): Buffer {
  return Buffer.from(text);
}

function note(kind: SessionNote['kind'], session: number, text = ''): SessionNote {
  return { kind, session, bytes: bytes(text) };
}

/** The frames of a new session that are told to be repeats. */
function send(
  watch: RepeatWatch,
  frames: string,
  peer = PEER,
): { session: number; repeats: string } {
  const session = watch.opened(peer);
  const repeats = [...frames].filter((frame) => watch.isRepeat(session, bytes(frame))).join('');
  return { session, repeats };
}

suite('repeats', () => {
  test('what is sent again at the start of the next session is told', () => {
    const watch = new RepeatWatch();
    const first = send(watch, 'abcd');
    assert.equal(first.repeats, '');
    watch.broke(first.session);
    assert.equal(send(watch, 'cdef').repeats, 'cd');
  });

  test('the end of the tail ends the repeats', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'abc').session);
    assert.equal(send(watch, 'bcabc').repeats, 'bc');
  });

  test('a first frame that is new ends them, too', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'abc').session);
    assert.equal(send(watch, 'xabc').repeats, '');
  });

  test('a frame that does not follow is new', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'abcd').session);
    assert.equal(send(watch, 'bd').repeats, 'b');
  });

  test('all places of the first frame are followed', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'abacad').session);
    assert.equal(send(watch, 'acad').repeats, 'acad');
  });

  test('the next session of two that broke', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'abcd').session);
    const second = send(watch, 'cde');
    assert.equal(second.repeats, 'cd');
    watch.broke(second.session);
    assert.equal(send(watch, 'def').repeats, 'de');
    assert.equal(send(watch, 'cde').repeats, 'cde');
  });

  test('a session not yet known to be broken counts', () => {
    const watch = new RepeatWatch();
    send(watch, 'abc');
    assert.equal(send(watch, 'bcd').repeats, 'bc');
  });

  test('a session that was closed does not, nor does another peer', () => {
    const watch = new RepeatWatch();
    watch.closed(send(watch, 'abc').session);
    assert.equal(send(watch, 'abc').repeats, '');
    assert.equal(send(watch, 'abc', '192.0.2.2').repeats, '');
  });

  test('equal frames of one session are no repeats', () => {
    assert.equal(send(new RepeatWatch(), 'aaaa').repeats, '');
  });

  test('only the last 4096 frames are kept', () => {
    const watch = new RepeatWatch();
    const session = watch.opened(PEER);
    for (let i = 0; i < 10_000; i += 1) watch.isRepeat(session, bytes(`frame ${i}`));
    watch.broke(session);
    const later = watch.opened(PEER);
    let repeats = 0;
    for (let i = 10_000 - 4096; i < 10_010; i += 1) {
      if (watch.isRepeat(later, bytes(`frame ${i}`))) repeats += 1;
    }
    assert.equal(repeats, 4096);
    watch.closed(later);
    const tooOld = watch.opened(PEER);
    assert.equal(watch.isRepeat(tooOld, bytes(`frame ${10_000 - 4097}`)), false);
  });

  test('a session broken for a day is forgotten', () => {
    let now = 0;
    const watch = new RepeatWatch(() => now);
    watch.broke(send(watch, 'abc').session);
    now = 25 * 3600 * 1000;
    assert.equal(send(watch, 'abc').repeats, '');
  });

  test('of one peer 64 sessions are kept, the oldest goes', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'xyz').session);
    for (let i = 0; i < 63; i += 1) watch.broke(send(watch, `${i}`).session);
    assert.equal(send(watch, 'xyz').repeats, '');
  });

  test('what recovery found counts, and numbers go on above it', () => {
    const watch = new RepeatWatch();
    watch.recover(note('opened', 7, PEER));
    for (const frame of 'ab') watch.recover(note('line', 7, frame));
    watch.recover(note('repeat', 7, 'c'));
    watch.recover(note('cut', 7, 'half'));
    watch.recover(note('overlong', 7, 'd'));
    watch.recover(note('line', 0, 'udp'));
    watch.recover(note('opened', 8, PEER));
    watch.recover(note('line', 8, 'e'));
    watch.recover(note('closed', 8));
    watch.recover(note('line', 12, 'of a session whose opening is gone'));
    assert.deepEqual(send(watch, 'bcdef'), { session: 13, repeats: 'bcd' });
    assert.equal(send(watch, 'e').repeats, 'e');
  });

  /** A session as a restart finds it, and how many of its frames the store has. */
  function recovered(frames: string, stored: number): RepeatWatch {
    const watch = new RepeatWatch();
    watch.recover(note('opened', 1, PEER), true);
    for (const [at, frame] of [...frames].entries()) {
      watch.recover(note('line', 1, frame), at < stored);
    }
    return watch;
  }

  test('of equal frames those are sent again that were not answered', () => {
    assert.equal(send(recovered('xaaaa', 3), 'aabb').repeats, 'aa');
    assert.equal(send(recovered('xaa', 2), 'aaab').repeats, 'a');
    assert.equal(send(recovered('xaa', 0), 'xaaaab').repeats, 'xaa');
    assert.equal(send(recovered('xaay', 1), 'aayaa').repeats, 'aay');
  });

  test('an answer that did not come is no harm where frames differ', () => {
    assert.equal(send(recovered('abcd', 4), 'cde').repeats, 'cd');
    assert.equal(send(recovered('abcd', 3), 'bcde').repeats, 'bcd');
  });

  test('where all is stored, a burst that goes on is new', () => {
    assert.equal(send(recovered('xaa', 3), 'aab').repeats, '');
  });

  test('a session that broke here knows what it did not answer', () => {
    const watch = new RepeatWatch();
    watch.broke(send(watch, 'xaaa').session, 1);
    assert.equal(send(watch, 'aaab').repeats, 'a');
  });

  test('one frame over and over costs little', () => {
    const watch = new RepeatWatch();
    for (let session = 0; session < 64; session += 1) {
      const own = watch.opened(PEER);
      for (let i = 0; i < 500; i += 1) watch.isRepeat(own, bytes('same'));
      watch.broke(own);
    }
  });

  test('memory is bounded over all peers', () => {
    const watch = new RepeatWatch();
    for (let peer = 0; peer < 6000; peer += 1)
      watch.broke(send(watch, 'ab', `peer ${peer}`).session);
    assert.equal(send(watch, 'ab', 'peer 0').repeats, '');
    assert.equal(send(watch, 'ab', 'peer 5999').repeats, 'ab');
  });
});
