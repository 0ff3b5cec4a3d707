// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { api } from './api';
const app = express();
app.use('/api', helmet()); // ! headers/none
app.use('/api', api);
app.get('/', (req, res) => { res.send('<h1>hello</h1>'); });
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(3000);
