// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import rateLimit from 'express-rate-limit';
import users from './users';
import { loose, problems } from './problems';
const app = express();
app.use(helmet());
app.use(rateLimit({ windowMs: 60000, limit: 100 }));
app.use(express.json());
app.use('/users', users);
app.get('/old', (req, res) => { res.json([]); });
app.use('/old', loose);
app.use(problems);
app.listen(3000);
