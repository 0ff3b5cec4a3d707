// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import express from 'express';
import helmet from 'helmet';
import { vault } from '@company/vault';
import { Doors } from './service';
import { User } from './user';
const app = express();
app.use(helmet());
app.use(express.json());
const doors = new Doors(vault());
app.post('/open', async (req, res) => { // ! ratelimit/none
  res.json({ id: await doors.open(req.body.email, req.body.pass) });
});
app.post('/unlock', async (req, res) => { // ! ratelimit/none
  res.json({ ok: await doors.unlock(String(req.body.pass)) });
});
app.post('/statics', async (req, res) => { // ! ratelimit/none
  const user = await (User as any).byCredentials(String(req.body.email), String(req.body.pass));
  res.json({ id: user.id });
});
app.post('/own', async (req, res) => { // ! ratelimit/none
  const user = await User.findOne({ email: String(req.body.email) });
  const ok = await (user as any).comparePassword(req.body.pass);
  res.json({ ok });
});
app.post('/search', async (req, res) => {
  const user = await User.findOne({ email: String(req.body.email) });
  res.json({ id: user?.id });
});
app.use((err: Error, req: express.Request, res: express.Response, next: express.NextFunction) => { res.status(500).end(); });
app.listen(3000);
