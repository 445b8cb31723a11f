/**
 * One message over three hosts in sendmail's words: submitted on sub, kept by hub for twelve minutes, sent out by mx,
 * where one recipient is refused and the notice goes back to hub. hub's clock is five minutes fast; hub and mx
 * gave it the same queue id.
 */
const HOST_LOGS = {
  sub: `Nov 24 06:00:00 sub sendmail[100100]: 6AO600aa100100: from=ann, size=12288, class=0, nrcpts=2, msgid=<1@a.example>, relay=ann@localhost
Nov 24 06:00:01 sub sendmail[100100]: 6AO600aa100100: to=bob@x.example,eve@x.example, ctladdr=ann (1000/1000), delay=00:00:01, xdelay=00:00:01, mailer=relay, pri=30100, relay=hub.a.example. [192.0.2.2], dsn=2.0.0, stat=Sent (6AO600bb100101 Message accepted for delivery)
`,
  hub: `Nov 24 06:05:01 hub sm-mta[100101]: 6AO600bb100101: from=<ann@a.example>, size=12400, class=0, nrcpts=2, msgid=<1@a.example>, proto=ESMTP, daemon=MTA-v4, relay=sub.a.example [192.0.2.1]
Nov 24 06:05:02 hub sm-mta[100102]: 6AO600bb100101: to=<bob@x.example>,<eve@x.example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30300, relay=mx.a.example. [192.0.2.3], dsn=4.4.1, stat=Deferred: Connection refused by mx.a.example.
Nov 24 06:17:01 hub sm-mta[100102]: 6AO600bb100101: to=<bob@x.example>,<eve@x.example>, delay=00:12:00, xdelay=00:00:01, mailer=esmtp, pri=30300, relay=mx.a.example. [192.0.2.3], dsn=2.0.0, stat=Sent (6AO600bb100101 Message accepted for delivery)
Nov 24 06:17:04 hub sm-mta[100109]: 6AO60Cdd100109: from=<>, size=1500, class=0, nrcpts=1, msgid=<6AO60Ccc100103@mx.a.example>, proto=ESMTP, daemon=MTA-v4, relay=mx.a.example [192.0.2.3]
Nov 24 06:17:05 hub sm-mta[100110]: 6AO60Cdd100109: to=<ann@a.example>, delay=00:00:01, xdelay=00:00:00, mailer=local, pri=30000, dsn=2.0.0, stat=Sent
`,
  mx: `Nov 24 06:12:00 mx sm-mta[100101]: 6AO600bb100101: from=<ann@a.example>, size=12500, class=0, nrcpts=2, msgid=<1@a.example>, proto=ESMTP, daemon=MTA-v4, relay=hub.a.example [192.0.2.2]
Nov 24 06:12:03 mx sm-mta[100103]: 6AO600bb100101: to=<bob@x.example>, delay=00:00:03, xdelay=00:00:03, mailer=esmtp, pri=30300, relay=mail.x.example. [198.51.100.1], dsn=2.0.0, stat=Sent (ok)
Nov 24 06:12:03 mx sm-mta[100103]: 6AO600bb100101: to=<eve@x.example>, delay=00:00:03, xdelay=00:00:03, mailer=esmtp, pri=30300, relay=mail.x.example. [198.51.100.1], dsn=5.1.1, reply=550 5.1.1 say "no" \u202e, stat=User unknown
Nov 24 06:12:03 mx sm-mta[100103]: 6AO600bb100101: 6AO60Ccc100103: DSN: User unknown
Nov 24 06:12:04 mx sm-mta[100103]: 6AO60Ccc100103: to=<ann@a.example>, delay=00:00:01, xdelay=00:00:01, mailer=relay, pri=30000, relay=hub.a.example. [192.0.2.2], dsn=2.0.0, stat=Sent (6AO60Cdd100109 Message accepted for delivery)
`,
} as const;

export type LoggingHost = keyof typeof HOST_LOGS;

export const hostLog = (host: LoggingHost): string => HOST_LOGS[host];
