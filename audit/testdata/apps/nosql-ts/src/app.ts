// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { type Request, type Response, type NextFunction } from 'express';
import helmet from 'helmet';
import { z } from 'zod';
import { AccountController } from './account.js';
import { validate } from './validate.js';

const app = express();
app.use(helmet());
app.use(express.json());
const accounts = new AccountController();
const schema = z.object({ email: z.string().email() });
app.post('/accounts/find', accounts.find);
app.post('/accounts/checked', validate(schema), accounts.checked);
app.post('/accounts/parsed', accounts.parsed);
app.get('/accounts', accounts.list);
app.use((err: Error, _req: Request, res: Response, _next: NextFunction) => { res.status(500).json({ error: 'Internal server error' }); });
app.listen(3000);
