// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { type Express } from 'express';
import { users as userRoutes, default as orders } from './routes/index.mjs';
import * as health from './routes/health.mjs';

const app: Express = express();
enum Prefix { V1 = '/v1', Health = '/health' }
app.use(Prefix.V1 + '/users', userRoutes);
app.use('/orders', orders);
app.get(Prefix.Health, health.check as any);
app.listen(3000);
export default app;
