// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { strict, trusting } from './auth';
const app = express();
app.use(helmet());
app.get('/strict', strict, (req, res) => { res.json({ ok: true }); });
app.get('/trusting', trusting, (req, res) => { res.json({ ok: true }); });
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(3000);
