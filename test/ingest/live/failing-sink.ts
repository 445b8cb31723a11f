/** A store whose commits fail now and then: before they are durable, or after, when only the answer is lost. */
import type { Sink } from '../../../src/store/store.ts';

/** Every third commit fails, of these by turns one before and one after it is durable. */
export function failingSink(sink: Sink): Sink {
  let commits = 0;
  return new Proxy(sink, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (name !== 'commit') return value.bind(target);
      return async () => {
        commits += 1;
        if (commits % 6 === 3) throw new Error('no room on the disk');
        await target.commit();
        if (commits % 6 === 0) throw new Error('no answer');
      };
    },
  });
}
