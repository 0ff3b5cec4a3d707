// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import multer from 'multer';
import rateLimit from 'express-rate-limit';
import { byBoth, byExtension, byField, byType, everything } from './filters';
const app = express();
app.use(helmet());
app.use(rateLimit({ windowMs: 60_000, limit: 100 }));
const limits = { fileSize: 5 * 1024 * 1024, files: 1 };
const ok: express.RequestHandler = (req, res) => { res.end(); };
app.post('/a', multer({ dest: 'in/', limits, fileFilter: everything }).single('f'), ok); // ! upload/type
app.post('/b', multer({ dest: 'in/', limits, fileFilter: byExtension }).single('f'), ok); // ! upload/type
app.post('/c', multer({ dest: 'in/', limits, fileFilter: byBoth }).single('f'), ok);
app.post('/d', multer({ dest: 'in/', limits, fileFilter: byType }).single('f'), ok);
app.post('/e', multer({ dest: 'in/', limits, fileFilter: byField }).single('f'), ok);
app.post('/f', multer({ dest: 'in/', limits }).single('f'), ok); // ! upload/type
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(3000);
