/**
 * The rulesets of a real sendmail, asked in its address test mode (`sendmail -bt`), and its replies (`-bs`):
 * with an access map, relay-domains and local-host-names that the test has made.
 *
 * Promises: namespaces of its own, no network, nothing left behind.
 */
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { debianEnvironment } from './debian-package.ts';

export interface RealSite {
  readonly access: string;
  readonly relayDomains: string;
  readonly localHostNames: string;
}

export const REAL_HOST = 'mx1.corp.example';
const NAMESPACES = ['--mount', '--net', '--uts', '--pid', '--fork', '--kill-child'];
const PATIENCE_MS = 60_000;
const SAFE = 'groupwritabledirpathsafe,mapinunsafedirpath,ClassFileInUnsafeDirPath';

export class RealRulesets {
  readonly #folder: string;
  readonly #env: Record<string, string>;

  /** In `folder`, of the packages (see real-sendmail.ts) unpacked in `packages`. */
  static async make(folder: string, packages: string, site: RealSite): Promise<RealRulesets> {
    const env = await debianEnvironment(packages);
    const write = (name: string, text: string) => writeFileSync(join(folder, name), text);
    write('empty.cf', '');
    write('hosts', `127.0.0.1 ${REAL_HOST} mx1 localhost\n`);
    write('nsswitch.conf', 'passwd: files\nhosts: files\n');
    write('service.switch', 'hosts files\naliases files\npasswd files\n');
    write('local-host-names', site.localHostNames);
    write('relay-domains', site.relayDomains);
    const makemap = join(packages, 'usr/libexec/sendmail/makemap');
    const args = ['-C', join(folder, 'empty.cf'), 'hash', join(folder, 'access')];
    execFileSync(makemap, args, { env, input: site.access, stdio: ['pipe', 'ignore', 'ignore'] });
    write('sendmail.mc', configuration(folder));
    const m4 = join(packages, 'usr/share/sendmail/cf');
    const cf = [`-D_CF_DIR_=${m4}/`, join(m4, 'm4/cf.m4'), join(folder, 'sendmail.mc')];
    write('sendmail.cf', execFileSync('m4', cf, { env, encoding: 'utf8' }));
    // Without its set-group-ID bit, with which it would not look for libraries in our folder.
    copyFileSync(join(packages, 'usr/libexec/sendmail/sendmail'), join(folder, 'sendmail'));
    write('enter.sh', entering(folder));
    return new RealRulesets(folder, env);
  }

  private constructor(folder: string, env: Record<string, string>) {
    this.#folder = folder;
    this.#env = env;
  }

  /** What the test mode prints for these lines. */
  ask(lines: readonly string[]): string {
    const args = [...NAMESPACES, 'sh', join(this.#folder, 'enter.sh'), '-bt'];
    const run = spawnSync('unshare', args, {
      env: this.#env,
      input: Buffer.from(`${lines.join('\n')}\n`, 'latin1'),
      timeout: PATIENCE_MS,
      maxBuffer: 1 << 28,
    });
    if (run.error !== undefined) throw run.error;
    return run.stdout.toString('latin1');
  }

  /** The reply to each command of a session (its last line). */
  talk(commands: readonly string[]): Promise<string[]> {
    const args = [...NAMESPACES, 'sh', join(this.#folder, 'enter.sh'), '-bs'];
    const child = spawn('unshare', args, { env: this.#env, timeout: PATIENCE_MS });
    const replies: string[] = [];
    let rest = '';
    child.stdin.on('error', () => undefined);
    child.stdout.setEncoding('latin1').on('data', (text: string) => {
      const lines = (rest + text).split('\r\n');
      rest = lines.pop() ?? '';
      for (const line of lines.filter((each) => each[3] !== '-')) {
        replies.push(line);
        const command = commands[replies.length - 1];
        if (command === undefined) child.stdin.end();
        else child.stdin.write(`${command}\r\n`, 'latin1');
      }
    });
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('close', () => resolve(replies.slice(1)));
    });
  }
}

function configuration(folder: string): string {
  return [
    "OSTYPE(`linux')",
    `define(\`confDOMAIN_NAME', \`${REAL_HOST}')`,
    `define(\`confSERVICE_SWITCH_FILE', \`${folder}/service.switch')`,
    `define(\`confCW_FILE', \`${folder}/local-host-names')`,
    "define(`confTO_IDENT', `0s')",
    "FEATURE(`nocanonify')",
    "FEATURE(`use_cw_file')",
    `FEATURE(\`access_db', \`hash -T<TMPF> -o ${folder}/access', \`skip')`,
    "FEATURE(`blocklist_recipients')",
    "FEATURE(`ratecontrol', , `terminate')",
    "FEATURE(`conncontrol', , `terminate')",
    `RELAY_DOMAIN_FILE(\`${folder}/relay-domains')`,
    "MAILER(`local')",
    "MAILER(`smtp')",
    '',
  ].join('\n');
}

function entering(folder: string): string {
  return [
    'set -e',
    `mount --bind ${folder}/hosts /etc/hosts`,
    `mount --bind ${folder}/nsswitch.conf /etc/nsswitch.conf`,
    `echo ${REAL_HOST} >/proc/sys/kernel/hostname`,
    `cd ${folder}`,
    `exec ./sendmail -Am -C sendmail.cf -OQueueDirectory=${folder} -ODontBlameSendmail=${SAFE} "$@"`,
    '',
  ].join('\n');
}
