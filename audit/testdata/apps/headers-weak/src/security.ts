// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import type { HelmetOptions } from 'helmet';
export const options: HelmetOptions = {
  contentSecurityPolicy: {
    directives: { defaultSrc: ["'self'"], scriptSrc: ["'self'", 'https:'], styleSrc: ["'self'", "'unsafe-inline'"], imgSrc: ['*', 'data:'] },
  },
  hsts: { maxAge: 300 },
  frameguard: false,
  xPoweredBy: false,
  referrerPolicy: false,
};
