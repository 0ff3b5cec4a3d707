// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0
import { Router } from 'express';
import { z } from 'zod';
import { wrap } from './async';
import { HttpError, NotFound } from './errors';
import { load, save } from './db';

const router = Router();
const body = z.object({ name: z.string().max(80) });
router.get('/:id', wrap(async (req, res) => {
  const user = await load(req.params.id);
  if (!user) throw new NotFound('user');
  res.json({ name: user.name });
}));
router.post('/', async (req, res) => { // ! errors/unhandled-rejection
  const data = body.parse(req.body);
  await save(data);
  res.sendStatus(201);
});
router.put('/:id', async (req, res, next) => {
  try {
    await save(body.parse(req.body));
    res.end();
  } catch (e: unknown) {
    if (e instanceof z.ZodError) {
      res.status(400).json({ errors: e.errors });
    } else if (e instanceof HttpError) {
      res.status(e.status).json({ message: e.message, details: e.details });
    } else {
      next(e);
    }
  }
});
router.delete('/:id', async (req, res) => {
  try {
    await save({ name: '' });
    res.end();
  } catch (e) {
    const problem = e as Error;
    res.status(500).json({ title: problem.name, detail: problem.message }); // ! errors/leak
  }
});
export default router;
