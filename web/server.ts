/**
 * The daemon's HTTP server: builds it and never listens. For now health and figures; whoever builds it hands
 * in what they tell from.
 */
import Fastify, { type FastifyInstance } from 'fastify';

export interface HealthSource {
  /** How the daemon is; `state` decides on the status code. */
  health(): Promise<{ readonly state: string } & Readonly<Record<string, unknown>>>;
  /** Prometheus' text form. */
  metrics(): Promise<string>;
}

export function buildServer(source: HealthSource): FastifyInstance {
  const server = Fastify({ logger: false, bodyLimit: 64 * 1024 });
  server.get('/health', async (_request, reply) => {
    const health = await source.health();
    // 503 takes a daemon that stores nothing out of a load balancer; the body says why.
    return reply.code(health.state === 'ok' ? 200 : 503).send(health);
  });
  server.get('/metrics', async (_request, reply) => {
    const text = await source.metrics();
    return reply.type('text/plain; version=0.0.4; charset=utf-8').send(text);
  });
  return server;
}
