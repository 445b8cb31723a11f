/**
 * A filter made with Debian's real libmilter: a small C program, compiled here, that does to each sender what
 * his local part says. For tests of the milter client.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { debianEnvironment } from './debian-package.ts';

export const MILTER_PACKAGES = ['libmilter-dev', 'libmilter1.0.1'];

const SOURCE = `
#include <libmilter/mfapi.h>
#include <stdio.h>
#include <string.h>
#include <stdlib.h>
struct st { char from[300]; int headers; long body; };
#define ST ((struct st *) smfi_getpriv(ctx))
static sfsistat word(SMFICTX *ctx, const char *a) {
  if (strstr(a, "<reject@")) return SMFIS_REJECT;
  if (strstr(a, "<temp@")) return SMFIS_TEMPFAIL;
  if (strstr(a, "<discard@")) return SMFIS_DISCARD;
  if (strstr(a, "<accept@")) return SMFIS_ACCEPT;
  if (strstr(a, "<code@")) { smfi_setreply(ctx, "550", "5.7.9", "No, thanks"); return SMFIS_REJECT; }
  if (strstr(a, "<lines@")) { smfi_setmlreply(ctx, "451", "4.7.9", "One", "two", NULL); return SMFIS_TEMPFAIL; }
  if (strstr(a, "<close@")) { smfi_setreply(ctx, "421", "4.7.0", "Go"); return SMFIS_TEMPFAIL; }
  return SMFIS_CONTINUE;
}
static sfsistat onconnect(SMFICTX *ctx, char *host, _SOCK_ADDR *a) {
  smfi_setpriv(ctx, calloc(1, sizeof(struct st)));
  return strcmp(host, "bad.example") == 0 ? SMFIS_REJECT : SMFIS_CONTINUE;
}
static sfsistat onhelo(SMFICTX *ctx, char *h) { return strcmp(h, "bad") == 0 ? SMFIS_REJECT : SMFIS_CONTINUE; }
static sfsistat onfrom(SMFICTX *ctx, char **v) {
  snprintf(ST->from, sizeof ST->from, "%s", v[0]); ST->headers = 0; ST->body = 0;
  return word(ctx, v[0]);
}
static sfsistat onrcpt(SMFICTX *ctx, char **v) { return word(ctx, v[0]); }
static sfsistat ondata(SMFICTX *ctx) { return strstr(ST->from, "<data@") ? SMFIS_REJECT : SMFIS_CONTINUE; }
static sfsistat onheader(SMFICTX *ctx, char *k, char *v) { ST->headers++; return SMFIS_CONTINUE; }
static sfsistat oneoh(SMFICTX *ctx) { return SMFIS_CONTINUE; }
static sfsistat onbody(SMFICTX *ctx, unsigned char *p, size_t n) {
  ST->body += n;
  return strstr(ST->from, "<skip@") ? SMFIS_SKIP : SMFIS_CONTINUE;
}
static sfsistat oneom(SMFICTX *ctx) {
  char s[400]; const char *f = ST->from; char *i = smfi_getsymval(ctx, "i");
  char *who = smfi_getsymval(ctx, "{auth_authen}");
  if (strstr(f, "<endreject@")) return SMFIS_REJECT;
  if (strstr(f, "<endcode@")) { smfi_setreply(ctx, "554", "5.7.1", "virus found"); return SMFIS_REJECT; }
  if (strstr(f, "<crash@")) exit(1);
  smfi_progress(ctx);
  snprintf(s, sizeof s, "headers=%d body=%ld i=%s who=%s", ST->headers, ST->body, i ? i : "-", who ? who : "-");
  smfi_addheader(ctx, "X-Filter", s);
  if (strstr(f, "<all@")) {
    smfi_insheader(ctx, 0, "X-First", "one\\n\\ttwo");
    smfi_chgheader(ctx, "Subject", 1, "changed");
    smfi_chgheader(ctx, "X-Gone", 2, NULL);
    smfi_addrcpt(ctx, "<new@corp.example>");
    smfi_delrcpt(ctx, "<old@corp.example>");
    smfi_chgfrom(ctx, "<other@corp.example>", NULL);
    smfi_replacebody(ctx, (unsigned char *) "new\\r\\nbody\\r\\n", 11);
    smfi_quarantine(ctx, "held, for a look");
  }
  return SMFIS_CONTINUE;
}
static sfsistat onclose(SMFICTX *ctx) { free(smfi_getpriv(ctx)); smfi_setpriv(ctx, NULL); return SMFIS_CONTINUE; }
static sfsistat onneg(SMFICTX *ctx, unsigned long f0, unsigned long f1, unsigned long f2, unsigned long f3,
    unsigned long *p0, unsigned long *p1, unsigned long *p2, unsigned long *p3) {
  *p0 = f0; *p1 = getenv("NO_REPLY") ? (f1 & (SMFIP_NR_HDR | SMFIP_NR_EOH | SMFIP_NR_HELO | SMFIP_HDR_LEADSPC | SMFIP_SKIP)) : (f1 & SMFIP_SKIP);
  *p2 = 0; *p3 = 0;
  smfi_setsymlist(ctx, SMFIM_EOM, "i {auth_authen}");
  return SMFIS_CONTINUE;
}
int main(int argc, char **argv) {
  struct smfiDesc d = { "test", SMFI_VERSION, SMFIF_ADDHDRS|SMFIF_CHGBODY|SMFIF_ADDRCPT|SMFIF_DELRCPT|SMFIF_CHGHDRS|SMFIF_QUARANTINE|SMFIF_CHGFROM|SMFIF_SETSYMLIST,
    onconnect, onhelo, onfrom, onrcpt, onheader, oneoh, onbody, oneom, NULL, onclose, NULL, ondata, onneg };
  smfi_setconn(argv[1]);
  if (smfi_register(d) != MI_SUCCESS) return 1;
  return smfi_main();
}
`;

export class RealMilter {
  static #started = 0;
  readonly socket: string;
  readonly #child: ChildProcess;

  /** In `folder`, of the packages unpacked in `packages`; undefined where there is no compiler. */
  static async start(
    folder: string,
    packages: string,
    env: Record<string, string> = {},
  ): Promise<RealMilter | undefined> {
    const program = join(folder, 'filter');
    if (!existsSync(program)) {
      writeFileSync(join(folder, 'filter.c'), SOURCE);
      const include = `-I${join(packages, 'usr/include')}`;
      const libraries = (await debianEnvironment(packages)).LD_LIBRARY_PATH?.split(':') ?? [];
      const args = ['-w', include, '-o', program, join(folder, 'filter.c')];
      const rest = [...libraries.map((each) => `-L${each}`), '-lmilter', '-lpthread'];
      try {
        execFileSync('cc', [...args, ...rest], { stdio: 'pipe' });
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
        throw error;
      }
    }
    const socket = join(folder, `socket${String(RealMilter.#started++)}`);
    const child = spawn(program, [`unix:${socket}`], {
      env: { ...(await debianEnvironment(packages)), ...env },
      stdio: 'ignore',
    });
    for (let i = 0; i < 500 && !existsSync(socket); i++) await sleep(10);
    return new RealMilter(socket, child);
  }

  private constructor(socket: string, child: ChildProcess) {
    this.socket = socket;
    this.#child = child;
  }

  stop(): void {
    this.#child.kill('SIGKILL');
  }
}
