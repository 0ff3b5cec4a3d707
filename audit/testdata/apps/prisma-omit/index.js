// Copyright The Panoply Authors.
// SPDX-License-Identifier: Apache-2.0

const express = require('express');
const helmet = require('helmet');
const { PrismaClient } = require('@prisma/client');
// No answer of this client's has the password in it.
const prisma = new PrismaClient({ omit: { user: { password: true } } });
const app = express();
app.use(helmet());
app.use(express.json());
app.get('/users', async (req, res) => res.json(await prisma.user.findMany()));
app.get('/admins', async (req, res) => res.json(await prisma.admin.findMany())); // ! nosql/document-sent
app.put('/users/:id', async (req, res) => {
  const data = {};
  for (const k in req.body) data[k] = req.body[k];
  res.json(await prisma.user.update({ where: { id: +req.params.id }, data })); // ! validate/mass-assignment
});
app.use((err, req, res, next) => { res.status(500).end(); });
app.listen(3000);
