/** Every scenario that is played. */
import type { Scenario } from '../../../support/mta-lab/scenario.ts';
import { ACCESS } from './access.ts';
import { ADDRESSES } from './addresses.ts';
import { DELIVERIES } from './deliveries.ts';
import { LIMITS } from './limits.ts';
import { ROUTES } from './routes.ts';
import { SECURE } from './secure.ts';
import { SESSIONS } from './sessions.ts';

export const SCENARIOS: readonly Scenario[] = [
  ...SESSIONS,
  ...ADDRESSES,
  ...DELIVERIES,
  ...ACCESS,
  ...ROUTES,
  ...LIMITS,
  ...SECURE,
];
