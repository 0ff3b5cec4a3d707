// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { options } from './security';
const app = express();
app.use(helmet(options)); // ! headers/csp-weak, headers/hsts, headers/framing, headers/powered-by, headers/referrer
app.get('/', (req, res) => { res.send('x'); });
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(3000);
