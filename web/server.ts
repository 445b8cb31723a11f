/**
 * The daemon's HTTP server: builds it and never listens. For now health and figures; whoever builds it hands
 * in what they tell from. It asks nobody who they are: by default it is not served, and then on loopback.
 *
 * Promise: every answer but the figures is JSON; no client holds up the end.
 */
import Fastify, { type FastifyInstance } from 'fastify';

export interface HealthSource {
  /** How the daemon is; `state` decides on the status code. */
  health(): Promise<{ readonly state: string } & Readonly<Record<string, unknown>>>;
  /** Prometheus' text form. */
  metrics(): Promise<string>;
}

/** Both for a request to come whole and for a connection to do something. */
const PATIENCE_MS = 10_000;
const OK = 200;
const NOT_FOUND = 404;
const FAILED = 500;
const UNAVAILABLE = 503;

export function buildServer(source: HealthSource): FastifyInstance {
  const server = Fastify({
    logger: false,
    bodyLimit: 64 * 1024,
    requestTimeout: PATIENCE_MS,
    connectionTimeout: PATIENCE_MS,
    forceCloseConnections: true,
  });
  server.get('/health', async (_request, reply) => {
    const health = await source.health();
    // 503 takes a daemon that stores nothing out of a load balancer; the body says why.
    return reply.code(health.state === 'ok' ? OK : UNAVAILABLE).send(health);
  });
  server.get('/metrics', async (_request, reply) => {
    const text = await source.metrics();
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
  });
  server.setNotFoundHandler((_request, reply) =>
    reply.code(NOT_FOUND).send({ error: 'there is only /health and /metrics here' }),
  );
  server.setErrorHandler((error: { readonly statusCode?: number }, _request, reply) => {
    const { statusCode = FAILED } = error;
    const text = statusCode < FAILED ? 'the request is not understood' : 'that failed';
    return reply.code(statusCode).send({ error: text });
  });
  return server;
}
