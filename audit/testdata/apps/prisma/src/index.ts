// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { type NextFunction, type Request, type Response } from 'express';
import helmet from 'helmet';
import { users } from './users.js';

const app = express();
app.use(helmet());
app.use(express.json());
app.use('/users', users);
app.use((_err: Error, _req: Request, res: Response, _next: NextFunction) => { res.status(500).end(); });
app.listen(3000);
