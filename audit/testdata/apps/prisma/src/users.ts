// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

import { Router, type Request, type Response } from 'express';
import { prisma } from './db.js';

export const users = Router();
users.post('/', async (req: Request, res: Response) => {
  const user = await prisma.user.create({ data: req.body }); // ! validate/mass-assignment
  res.status(201).json(user); // ! nosql/document-sent
});
users.post('/named', async (req: Request, res: Response) => {
  const { email, passwordHash } = req.body;
  const user = await prisma.user.create({ data: { email, passwordHash }, select: { id: true, email: true } });
  res.status(201).json(user);
});
users.put('/:id', async (req: Request, res: Response) => {
  await prisma.user.update({ where: { id: Number(req.params.id) }, data: { ...req.body, updated: new Date() } }); // ! validate/mass-assignment
  res.end();
});
users.put('/:id/upsert', async (req: Request, res: Response) => {
  const { email } = req.body;
  await prisma.user.upsert({ where: { email }, create: { email, passwordHash: '' }, update: req.body }); // ! validate/mass-assignment
  res.end();
});
users.post('/many', async (req: Request, res: Response) => {
  const { count } = await prisma.user.createMany({ data: req.body.users, skipDuplicates: true }); // ! validate/mass-assignment
  res.json({ count });
});
users.get('/', async (_req: Request, res: Response) => {
  res.json(await prisma.user.findMany()); // ! nosql/document-sent
});
users.get('/omitted', async (_req: Request, res: Response) => {
  res.json(await prisma.user.findMany({ omit: { passwordHash: true } }));
});
users.get('/counted', async (_req: Request, res: Response) => {
  res.json({ users: await prisma.user.count(), by: await prisma.user.groupBy({ by: ['isAdmin'] }) });
});
users.get('/:id', async (req: Request, res: Response) => {
  const user = await prisma.user.findUnique({ where: { id: Number(req.params.id) }, include: { posts: true } });
  if (!user) {
    res.sendStatus(404);
    return;
  }
  const { passwordHash, ...rest } = user;
  res.json(rest);
});
users.get('/:id/posts', async (req: Request, res: Response) => {
  res.json(await prisma.post.findMany({ where: { authorId: Number(req.params.id) }, include: { author: true } })); // ! nosql/document-sent
});
users.get('/:id/posts/short', async (req: Request, res: Response) => {
  const posts = await prisma.post.findMany({ include: { author: { select: { email: true } } } });
  res.json(posts);
});
users.post('/:id/posts', async (req: Request, res: Response) => {
  const [post] = await prisma.$transaction(async (tx) => {
    const made = await tx.post.create({ data: req.body }); // ! validate/mass-assignment
    return [made];
  });
  res.json(post);
});
