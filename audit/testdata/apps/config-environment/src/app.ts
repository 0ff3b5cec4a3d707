// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import jwt from 'jsonwebtoken';
import Config, { clean, joined, parsed, secretF, secretG, SECRET_H, SECRET_I, secretJ } from './env';

const app = express();
app.use(helmet());
const sign = (secret: string) => (req: express.Request, res: express.Response) => {
  res.json({ ok: secret.length > 0 });
};
app.get('/', sign(clean.SECRET_A));
app.get('/a', (req, res) => { res.send(jwt.sign({ id: 1 }, clean.SECRET_A, { expiresIn: '1h' })); }); // ! token/weak-secret
app.get('/b', (req, res) => { res.send(jwt.sign({ id: 1 }, clean.SECRET_B, { expiresIn: '1h' })); });
app.get('/c', (req, res) => { res.send(jwt.sign({ id: 1 }, parsed.SECRET_C, { expiresIn: '1h' })); }); // ! token/weak-secret
app.get('/d', (req, res) => { res.send(jwt.sign({ id: 1 }, parsed.SECRET_D, { expiresIn: '1h' })); });
app.get('/e', (req, res) => { res.send(jwt.sign({ id: 1 }, joined.SECRET_E, { expiresIn: '1h' })); }); // ! token/weak-secret
app.get('/f', (req, res) => { res.send(jwt.sign({ id: 1 }, secretF, { expiresIn: '1h' })); }); // ! token/weak-secret
app.get('/g', (req, res) => { res.send(jwt.sign({ id: 1 }, secretG, { expiresIn: '1h' })); });
app.get('/h', (req, res) => { res.send(jwt.sign({ id: 1 }, SECRET_H, { expiresIn: '1h' })); }); // ! token/weak-secret
app.get('/i', (req, res) => { res.send(jwt.sign({ id: 1 }, SECRET_I as string, { expiresIn: '1h' })); });
app.get('/j', (req, res) => { res.send(jwt.sign({ id: 1 }, secretJ as string, { expiresIn: '1h' })); });
app.get('/k', (req, res) => { res.send(jwt.sign({ id: 1 }, process.env.SECRET_K as string, { expiresIn: '1h' })); }); // ! token/weak-secret
app.get('/l', (req, res) => { res.send(jwt.sign({ id: 1 }, Config.secret, { expiresIn: '1h' })); }); // ! token/weak-secret
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(clean.PORT);
