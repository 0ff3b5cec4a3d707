// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express, { Router } from 'express';
import helmet from 'helmet';
import { distributed, general, logins, perMinute } from './limits';
const app = express();
app.use(helmet());
app.set('trust proxy', 1);
app.use(general);
const ok: express.RequestHandler = (req, res) => { res.json({}); };
app.post('/login', logins, ok);
app.post('/shared/login', [distributed], ok);
app.post('/minute/login', perMinute(5), ok);
const auth = Router();
auth.use(logins);
auth.post('/signin', ok);
auth.post('/forgot-password', ok);
app.use('/auth', auth);
app.use('/v2', logins, Router().post('/login', ok));
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(3000);
