/** Where the MTA logs to, as its configuration says: a file, syslog, or both; nowhere is allowed. */
import type { MtaConfig } from '../config/mta-config.ts';
import { FileSink } from './log/file-sink.ts';
import type { LogSink } from './log/log-sink.ts';
import { SeveralSinks } from './log/log-sink.ts';
import { UdpSink, UnixSink } from './log/syslog-sinks.ts';

export interface SinkSurroundings {
  /** IANA name. */
  readonly zone: string;
  readonly onProblem: (text: string) => void;
}

export function logSinks(config: MtaConfig, around: SinkSurroundings): LogSink {
  const { zone, onProblem } = around;
  const sinks: LogSink[] = [];
  if (config.LogFile !== null) {
    const form = config.LogFormat;
    sinks.push(new FileSink({ path: config.LogFile, form, zone, onProblem }));
  }
  if (config.Syslog !== null) sinks.push(syslogSink(config.Syslog, around));
  return new SeveralSinks(sinks);
}

/** A path is a socket, all else `host:port`. */
function syslogSink(text: string, { zone, onProblem }: SinkSurroundings): LogSink {
  if (text.startsWith('/')) return new UnixSink({ path: text, zone, onProblem });
  const [, host = '', port = '514'] = /^(.*?)(?::(\d+))?$/.exec(text) ?? [];
  return new UdpSink({
    host: host.replace(/^\[(.*)\]$/, '$1'),
    port: Number(port),
    zone,
    onProblem,
  });
}
