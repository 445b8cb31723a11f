/** The users of the lab's mail host. */

export const LAB_USERS = [
  'alice',
  'bob',
  'carol',
  'dave',
  'erin',
  'frank',
  'grace',
  'heidi',
  'ivan',
  'sysop',
  ...Array.from({ length: 30 }, (_, index) => `user${String(index + 1).padStart(2, '0')}`),
];
export const LAB_ALIASES = [
  'mailer-daemon: postmaster',
  'postmaster: root',
  'nobody: root',
  'root: sysop',
  'sink: /dev/null',
];

/** passwd(5) of the lab's users, for either server. */
export function labPasswd(): string {
  const users = LAB_USERS.map(
    (user, index) => `${user}:x:${1000 + index}:${1000 + index}:${user}:/home/${user}:/bin/sh\n`,
  );
  return `root:x:0:0:root:/:/bin/sh\ndaemon:x:1:1:daemon:/:/bin/sh\nmail:x:8:8:mail:/var/mail:/bin/sh\n${users.join('')}`;
}
