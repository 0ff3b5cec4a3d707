// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { api } from './api.mjs';
const app = express();
app.use(helmet());
app.use('/api', api);
app.get('/page', (req, res) => { res.send('x'); }); // ! errors/no-handler
app.get('/other', (req, res) => { res.send('x'); });
app.listen(3000);
