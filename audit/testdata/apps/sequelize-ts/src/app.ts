// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import express, { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { Sequelize } from 'sequelize-typescript';
import { Account } from './account';

const sequelize = new Sequelize({ dialect: 'postgres', models: [Account] });
const app = express();
app.use(helmet());
app.use(express.json());
app.post('/accounts', async (req: Request, res: Response) => {
  const account = await Account.create(req.body); // ! validate/mass-assignment
  res.json({ id: account.id });
});
app.post('/accounts/new', async (req: Request, res: Response) => {
  const account = new Account({ ...req.body }); // ! validate/mass-assignment
  await account.save();
  res.end();
});
app.post('/accounts/fields', async (req: Request, res: Response) => {
  const { email, password } = req.body as { email: string; password: string };
  await Account.create({ email, password });
  res.end();
});
app.get('/accounts/:id', async (req: Request, res: Response) => {
  res.json(await Account.findByPk(req.params.id)); // ! nosql/document-sent
});
app.get('/accounts', async (_req: Request, res: Response) => {
  res.json(await Account.findAll({ attributes: ['id', 'email'] }));
});
app.use((_err: Error, _req: Request, res: Response, _next: NextFunction) => { res.status(500).end(); });
sequelize.sync().then(() => app.listen(3000));
