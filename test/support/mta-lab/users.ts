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
  const lines = [
    ['root', 0, '/'],
    ['daemon', 1, '/'],
    ['mail', 8, '/var/mail'],
    ...LAB_USERS.map((user, index) => [user, 1000 + index, `/home/${user}`]),
  ];
  return lines
    .map(([user, id, home]) => `${user}:x:${id}:${id}:${user}:${home}:/bin/sh\n`)
    .join('');
}
